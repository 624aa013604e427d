//! Golden cases of the decision core: states.md row by row, as `tests/plan_cases/*.yaml`.
//!
//! One case is one pass over one object. What the case does not list must not happen: an unlisted
//! call or write fails it, and so does a condition of abnormal polarity that it does not name.
//! What holds of every pass is in `plan_cases_support/invariants.rs`; a pass that only read is made
//! once more, a second later, and must change nothing.
//!
//! A case: `row`, `title`, `world` (`domain`, `team`: which fragments), `spec` (over the fragment
//! `spec`), `generation`, `now`, `status` (conditions as `Type: Status/Reason`), `remembered` (`all`
//! or fields, with the values of `rememberedSpec` over `spec`; `answered`: Google's own forms),
//! `orderedSpec` (what an open order sent), `watched` (how long every grace was watched),
//! `sinceWrite`, `claim`, `orders`, `password`, `transferToken`, `annotations`, `record` (`conflict`,
//! `fenced`), `deleted`, `announce` (only that), `earlier` (passes before this one, each the case
//! with members replaced), `variants` (names of fragments, or overlays by name), and
//!
//! - `google`: `METHOD KEY` to `{status, reason, message}`, `{body}`, `{echo: true}` (the record as
//!   it is read with the change over it), `{html: STATUS}`, `{timeout: true}`, `{broken: true}`,
//!   `{refused-connection: true}`, `{token-unavailable: true}`, `{credentials}`,
//!   `{scope-not-granted}`; `must: true`: it has to be called; `reserve`: the place in the quota;
//! - `expect`: `writes` (in order; names, or `{method, body, bodyLacks}`; default none) or
//!   `writesAmong`, `reads: none`, `recorded` (`none`, or what is written before the call),
//!   `secret` (`created`, `untouched`), `conditions` (`*` is any, `keep` as before, `stalled: X` is
//!   Ready=False/X and Stalled=True/X), `observedGeneration`, `status` (a subset; `present`,
//!   `absent`), `messages`, `messagesLack`, `events`, `eventsHave`, `eventsLack`, `next`,
//!   `statusUnchanged`, `announced`, `before`, `secondPass: skip`.

#[expect(clippy::panic, reason = "a case that cannot be read ends the test")]
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
