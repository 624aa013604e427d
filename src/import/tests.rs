use super::*;
use crate::google::types::{Address, PrimaryAdmin};

fn record() -> Customer {
    Customer {
        kind: Some("reseller#customer".to_owned()),
        customer_id: Some("C01".to_owned()),
        customer_domain: Some("acme.example".to_owned()),
        customer_type: Some("domain".to_owned()),
        postal_address: Some(Address {
            kind: Some("customers#address".to_owned()),
            contact_name: Some("Ada Owner".to_owned()),
            organization_name: Some("Acme".to_owned()),
            postal_code: Some("01234".to_owned()),
            country_code: Some("NO".to_owned()),
            locality: Some(String::new()),
            ..Address::default()
        }),
        alternate_email: Some("owner@provider.example".to_owned()),
        phone_number: Some("+47 22 12 34 56".to_owned()),
        primary_admin: None,
        customer_domain_verified: Some(true),
        resource_ui_url: Some("https://admin.google.com/".to_owned()),
    }
}

fn team() -> Customer {
    let primary_email = Some("ann@acme.example".to_owned());
    Customer {
        customer_type: Some("team".to_owned()),
        primary_admin: Some(PrimaryAdmin { primary_email }),
        alternate_email: None,
        ..record()
    }
}

fn imported(record: &Customer) -> Imported {
    Imported::of(record, Some("en")).unwrap()
}

#[test]
fn a_manifest_holds_what_google_says_and_nothing_else() {
    let expected = "\
apiVersion: reseller-operator.dev/v1alpha1
kind: ResellerCustomer
metadata:
  name: acme
spec:
  customerDomain: acme.example
  customerId: C01
  postalAddress:
    contactName: Ada Owner
    organizationName: Acme
    postalCode: \"01234\"
    countryCode: \"NO\"
  alternateEmail: owner@provider.example
  phoneNumber: +47 22 12 34 56
  language: en
";
    assert_eq!(imported(&record()).yaml("acme"), expected);
}

#[test]
fn a_team_keeps_its_first_administrator() {
    let text = imported(&team()).yaml("acme");
    assert!(text.contains("  customerType: team\n"), "{text}");
    assert!(text.contains("  primaryAdmin:\n    primaryEmail: ann@acme.example\n"), "{text}");
    assert!(!text.contains("managementPolicy"), "{text}");
}

#[test]
fn the_administrator_of_a_team_that_became_a_domain_is_left_behind() {
    let converted = Customer { customer_type: Some("domain".to_owned()), ..team() };
    let converted = Customer { alternate_email: record().alternate_email, ..converted };
    let imported = imported(&converted);
    assert_eq!((imported.spec.primary_admin, imported.left_out), (None, vec![]));
}

#[test]
fn a_type_that_is_not_said_is_the_default_and_an_unknown_one_is_reported() {
    for (said, left_out) in [
        (None, vec![]),
        (Some("customerTypeUnspecified"), vec![]),
        (Some("galaxy"), vec!["spec.customerType"]),
    ] {
        let record = Customer { customer_type: said.map(str::to_owned), ..record() };
        let imported = imported(&record);
        assert_eq!(imported.left_out, left_out, "{said:?}");
        assert!(!imported.yaml("acme").contains("customerType"));
    }
}

#[test]
fn each_value_that_the_schema_does_not_take_is_left_out_by_name() {
    type Case<'a> = (&'a str, fn(&mut Customer, String), &'a str);
    let long = "x".repeat(256);
    let cases: [Case<'_>; 8] = [
        ("phoneNumber", |it, value| it.phone_number = Some(value), "030 123456"),
        ("phoneNumber", |it, value| it.phone_number = Some(value), "+0123456789"),
        ("alternateEmail", |it, value| it.alternate_email = Some(value), "ada@ACME.example"),
        ("alternateEmail", |it, value| it.alternate_email = Some(value), "a@b@provider.example"),
        ("postalAddress.countryCode", |it, value| address(it).country_code = Some(value), "XX"),
        ("postalAddress.countryCode", |it, value| address(it).country_code = Some(value), "de"),
        ("postalAddress.region", |it, value| address(it).region = Some(value), &long),
        ("postalAddress.contactName", |it, value| address(it).contact_name = Some(value), &long),
    ];
    for (field, set, value) in cases {
        let mut record = record();
        set(&mut record, value.to_owned());
        let imported = imported(&record);
        assert_eq!(imported.left_out, [format!("spec.{field}")], "{value}");
        let text = imported.yaml("acme");
        assert!(!text.contains(&format!(": {value}\n")), "{text}");
        assert_eq!(Imported { left_out: vec![], ..imported.clone() }, {
            let mut without = record.clone();
            set(&mut without, String::new());
            Imported::of(&without, Some("en")).unwrap()
        });
    }
}

fn address(record: &mut Customer) -> &mut Address {
    record.postal_address.as_mut().unwrap()
}

#[test]
fn a_language_outside_of_the_list_is_left_out_and_one_that_is_not_known_is_not_told() {
    let of = |language| Imported::of(&record(), language).unwrap();
    assert_eq!(of(Some("tlh")).left_out, ["spec.language"]);
    assert_eq!(of(None).left_out, [""; 0]);
    assert_eq!((of(Some("tlh")).spec, of(Some("")).spec), (of(None).spec, of(None).spec));
}

#[test]
fn what_full_needs_and_google_lacks_makes_the_policy_observe_and_says_why() {
    let mut lacking = record();
    address(&mut lacking).postal_code = None;
    lacking.alternate_email = None;
    let imported = imported(&lacking);
    assert_eq!(imported.missing, ["spec.alternateEmail", "spec.postalAddress.postalCode"]);
    assert_eq!(imported.spec.management_policy, ManagementPolicy::Observe);
    let last = "  managementPolicy: Observe # Full needs spec.alternateEmail, spec.postalAddress.postalCode\n";
    assert!(imported.yaml("acme").ends_with(last), "{}", imported.yaml("acme"));

    let team = Customer { primary_admin: None, ..team() };
    assert_eq!(Imported::of(&team, None).unwrap().missing, ["spec.primaryAdmin"]);
    let bare = Customer { postal_address: Some(Address::default()), ..record() };
    let text = Imported::of(&bare, None).unwrap().yaml("acme");
    assert!(!text.contains("postalAddress:"), "{text}");
}

#[test]
fn the_domain_is_written_in_lower_case_and_one_that_is_no_domain_is_refused() {
    let of = |domain: &str| {
        Imported::of(&Customer { customer_domain: Some(domain.to_owned()), ..record() }, None)
    };
    assert_eq!(of("Acme.EXAMPLE").unwrap().domain.as_str(), "acme.example");
    for domain in [
        "",
        "..",
        "../acme.example",
        "/etc/acme.example",
        "www.acme.example",
        "acmé.example",
        "a/b.example",
    ] {
        assert_eq!(of(domain), Err(Refused::Identity("spec.customerDomain")), "{domain}");
    }
    for id in ["", "01", "C0/../x", "C 1"] {
        let record = Customer { customer_id: Some(id.to_owned()), ..record() };
        assert_eq!(Imported::of(&record, None), Err(Refused::Identity("spec.customerId")), "{id}");
    }
    let id = format!("C{}", "a".repeat(255));
    let record = Customer { customer_id: Some(id), ..record() };
    assert_eq!(Imported::of(&record, None), Err(Refused::Identity("spec.customerId")));
}

#[test]
fn a_minimal_record_is_somebody_elses() {
    let minimal = Customer { postal_address: None, ..record() };
    assert_eq!(Imported::of(&minimal, None), Err(Refused::Foreign));
}
