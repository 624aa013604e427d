//! Golden cases of the decision core: states.md row by row, as `tests/plan_cases/*.yaml`.
//!
//! One case is one pass over one object. What the case does not list must not happen: an unlisted
//! call or write fails it, and so does a condition of abnormal polarity that it does not name.
//! What holds of every pass is in `plan_cases_support/invariants.rs`.

mod plan_cases_support;

use plan_cases_support::cases::load;
use plan_cases_support::rows::ROWS;
use plan_cases_support::run::run;

#[test]
fn every_row_of_the_table_has_a_case() {
    let cases = load();
    let has_case = |row: &&&str| cases.iter().any(|case| case.row == **row);
    let missing: Vec<&&str> = ROWS.iter().filter(|row| !has_case(row)).collect();
    assert!(missing.is_empty(), "rows without a case: {missing:?}");
    let is_unknown = |row: &&str| !ROWS.contains(row);
    let unknown: Vec<&str> =
        cases.iter().map(|case| case.row.as_str()).filter(is_unknown).collect();
    assert!(unknown.is_empty(), "cases of rows that are not there: {unknown:?}");
}

#[test]
fn every_case_goes_as_the_table_says() {
    let cases = load();
    let mut failed = Vec::new();
    for case in &cases {
        let lines = run(case);
        if !lines.is_empty() {
            failed.push(format!("{}: {}\n    {}", case.row, case.title, lines.join("\n    ")));
        }
    }
    let (count, of) = (failed.len(), cases.len());
    assert!(failed.is_empty(), "{count} of {of} cases differ\n\n{}\n", failed.join("\n\n"));
}
