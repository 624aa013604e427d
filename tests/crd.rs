//! x
#[test]
fn generate() {
    std::fs::write("crds/resellercustomers.yaml", reseller_operator::cli::crd::yaml().unwrap()).unwrap();
}
