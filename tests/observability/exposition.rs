//! OpenMetrics text, read strictly: whatever the specification does not allow is a failure.

use std::collections::{BTreeMap, BTreeSet};

pub type Labels = BTreeMap<String, String>;

/// One line with a value.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: Labels,
    pub value: f64,
}

/// One metric family.
#[derive(Clone, Debug, Default)]
pub struct Family {
    pub name: String,
    pub kind: String,
    pub help: String,
    pub unit: Option<String>,
    pub samples: Vec<Sample>,
}

/// All that a process shows.
#[derive(Debug)]
pub struct Exposition {
    pub families: Vec<Family>,
}

impl Exposition {
    /// # Panics
    /// At the first line that is not as OpenMetrics 1.0 wants it.
    pub fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF and a line feed");
        let mut families: Vec<Family> = Vec::new();
        for line in body.lines() {
            if let Some(meta) = line.strip_prefix("# ") {
                let [keyword, name, rest] = words(meta);
                if families.last().is_none_or(|family| family.name != name) {
                    let is_new = families.iter().all(|family| family.name != name);
                    assert!(is_new, "{name} is told of in two places: {line}");
                    families.push(Family { name: name.to_owned(), ..Family::default() });
                }
                let family = families.last_mut().expect("a family");
                assert!(family.samples.is_empty(), "after the samples: {line}");
                match keyword {
                    "HELP" => rest.clone_into(&mut family.help),
                    "TYPE" => rest.clone_into(&mut family.kind),
                    "UNIT" => family.unit = Some(rest.to_owned()),
                    _ => panic!("{line}"),
                }
            } else {
                let family = families.last_mut().unwrap_or_else(|| panic!("no family: {line}"));
                family.samples.push(sample(line));
            }
        }
        families.iter().for_each(Family::check);
        Self { families }
    }

    /// The samples with this name.
    pub fn samples(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.families
            .iter()
            .flat_map(|family| &family.samples)
            .filter(move |sample| sample.name == name)
    }

    /// The value of the only sample with this name (less its prefix) and exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let name = format!("reseller_operator_{name}");
        let wanted: Labels =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut found = self.samples(&name).filter(|sample| sample.labels == wanted);
        found.next().unwrap_or_else(|| panic!("no {name}{labels:?}")).value
    }

    /// The sum of the samples with this name (less its prefix) that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            labels
                .iter()
                .all(|(key, value)| sample.labels.get(*key).is_some_and(|found| found == value))
        };
        let name = format!("reseller_operator_{name}");
        self.samples(&name).filter(has).map(|sample| sample.value).sum()
    }
}

fn words(meta: &str) -> [&str; 3] {
    let mut words = meta.splitn(3, ' ');
    [(); 3].map(|()| words.next().unwrap_or_else(|| panic!("too short: # {meta}")))
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, Labels::new()),
        Some((name, labels)) => {
            let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no }}: {line}"));
            (name, labels_of(labels, line))
        }
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    assert!(is_name, "name: {line}");
    let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
    Sample { name: name.to_owned(), labels, value }
}

fn labels_of(text: &str, line: &str) -> Labels {
    let mut labels = Labels::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("label: {line}"));
        // None of ours holds a quote or a backslash.
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("no quote: {line}"));
        assert!(!value.contains('\\'), "{line}");
        assert!(labels.insert(name.to_owned(), value.to_owned()).is_none(), "twice: {line}");
        assert!(after.is_empty() || after.starts_with(','), "{line}");
        rest = after.trim_start_matches(',');
    }
    labels
}

impl Family {
    fn check(&self) {
        let Self { name, kind, help, unit, samples } = self;
        assert!(help.ends_with('.') && !help.ends_with(".."), "{name}: HELP {help}");
        if let Some(unit) = unit {
            assert!(
                name.ends_with(&format!("_{unit}")),
                "{name} does not end with its unit {unit}"
            );
        }
        let suffixes: &[&str] = match kind.as_str() {
            "gauge" => &[""],
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => panic!("{name}: TYPE {kind}"),
        };
        assert!(
            !name.ends_with("_total") && !name.ends_with("_info"),
            "{name}: suffix in the name"
        );
        assert!(!samples.is_empty(), "{name} has no sample");
        let mut seen = BTreeSet::new();
        for sample in samples {
            let suffix = sample.name.strip_prefix(name.as_str());
            assert!(suffix.is_some_and(|found| suffixes.contains(&found)), "{name}: {sample:?}");
            assert!(seen.insert((&sample.name, &sample.labels)), "twice: {sample:?}");
            assert!(sample.value.is_finite(), "{sample:?}");
            assert!(kind == "gauge" || sample.value >= 0.0, "{sample:?}");
        }
        if kind == "histogram" {
            self.check_buckets();
        }
    }

    /// Buckets rise to +Inf, which is the count.
    fn check_buckets(&self) {
        let mut buckets: BTreeMap<Labels, Vec<(String, f64)>> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            let le = labels.remove("le").expect("a bucket has le");
            buckets.entry(labels).or_default().push((le, sample.value));
        }
        let counts = self.samples.iter().filter(|sample| sample.name.ends_with("_count"));
        for count in counts {
            let buckets = buckets.remove(&count.labels).expect("buckets of a count");
            assert!(buckets.is_sorted_by(|one, next| one.1 <= next.1), "{buckets:?}");
            assert_eq!(buckets.last(), Some(&("+Inf".to_owned(), count.value)));
        }
        assert!(buckets.is_empty(), "buckets without a count: {buckets:?}");
    }
}
