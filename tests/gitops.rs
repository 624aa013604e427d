//! What other tools make of our objects and our recipes: Flux's kstatus, kubectl, Argo CD's Lua, and
//! the real programs that a pipeline runs.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]

mod common;
#[allow(dead_code, reason = "this binary only makes the passes; tests/plan_cases.rs checks them")]
mod plan_cases_support;

#[path = "gitops/forge.rs"]
mod forge;
#[path = "gitops/health.rs"]
mod health;
#[path = "gitops/machine.rs"]
mod machine;
#[path = "gitops/page.rs"]
mod page;
#[path = "gitops/pipelines.rs"]
mod pipelines;
#[path = "gitops/readers.rs"]
mod readers;
#[path = "gitops/recipes.rs"]
mod recipes;
#[path = "gitops/states.rs"]
mod states;
#[path = "gitops/tools.rs"]
mod tools;
