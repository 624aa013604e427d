//! `reseller-operator schema`: print the JSON schema of the manifest.

use std::io::Write;

use anyhow::Context;

/// Writes the JSON schema, for editors and for kubeconform.
pub fn cmd(out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{:#}", crate::manifest::json_schema()).context("write the JSON schema")
}
