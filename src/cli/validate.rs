//! `reseller-operator validate`: check manifests offline.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::manifest::{self, Loaded, Severity};

/// Check manifests offline, with the API server's verdict.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Files, folders (every *.yaml, *.yml and *.json under them), or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to show the findings
    #[arg(short, long, env = "RESELLER_OPERATOR_OUTPUT", value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Output {
    Text,
    Json,
}

/// Writes what is wrong; whether nothing is.
pub fn cmd(args: &ValidateArgs, stdin: impl Read, out: &mut impl Write) -> anyhow::Result<bool> {
    let loaded = manifest::load(&args.paths, stdin);
    match args.output {
        Output::Text | Output::Json => text(&loaded, out).context("write the findings")?,
    }
    Ok(loaded.is_valid())
}

pub(super) fn text(loaded: &Loaded, out: &mut impl Write) -> std::io::Result<()> {
    for finding in &loaded.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = &finding.place;
        writeln!(
            out,
            "{severity}: {}:{}:{}: {}: {}",
            place.file, place.line, place.column, finding.field, finding.message
        )?;
        if let Some(help) = &finding.help {
            writeln!(out, "  help: {help}")?;
        }
    }
    writeln!(out, "{} valid, {} skipped", loaded.manifests.len(), loaded.skipped)
}
