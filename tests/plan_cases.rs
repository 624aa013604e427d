//! Golden cases of the decision core.
#[path = "plan_cases_support/cases.rs"]
mod cases;
#[path = "plan_cases_support/rows.rs"]
mod rows;

#[test]
fn every_row_has_a_case() {
    let cases = cases::load();
    println!("{} cases", cases.len());
    let missing: Vec<_> = rows::ROWS.iter().filter(|r| !cases.iter().any(|c| c.row == **r)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let unknown: Vec<_> = cases.iter().filter(|c| !rows::ROWS.contains(&c.row.as_str())).map(|c| &c.row).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    println!("{}", serde_json::to_string_pretty(&cases.iter().find(|c| c.row == "E1").unwrap().value).unwrap());
}
