//! Every row of states.md, so that none is left without a case.

pub(crate) const ROWS: &[&str] = &[
    "A1", "A2", "A3", "A3b", "A3c", "A4", "A5a", "A5b", "A5c", "A5d", "A5e", "A5f", "A5g", "A5h",
    "A5i", "A6", "A6b", "A6c", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "A13b", "A13c", "A14",
    "A15", "A16", "A17", "A18", "A19", "A19b", "A20", "A21", "B1", "B2", "B3", "B4", "B4b", "B4c",
    "B5", "B6", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "E1", "E2", "E3", "E4", "E4b",
    "E4c", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E13b", "E14", "E15", "E15b",
    "E15c", "E16", "E17", "E18", "E19", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9",
    "F10", "F11", "F12", "F13", "F14", "F15", "T-created", "T-first-visit", "T-ledger",
    "T-ordered", "T-onboarding", "T-equal", "T-edit", "T-429",
];
