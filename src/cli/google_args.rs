//! The flags that say how Google is reached, shared by `run`, `plan` and `import`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::interval;
use crate::google::{
    Access, CallObserver, CredentialSource, DIRECTORY_URL, IAM_URL, METADATA_URL, Patience,
    RESELLER_URL, Settings, SetupError, Url,
};

/// How Google is reached, and as whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Google")]
pub struct GoogleArgs {
    /// Service-account key (JSON); read again when it changes on disk
    ///
    /// The account needs domain-wide delegation in the reseller's Admin console. Without this flag
    /// and without --service-account, GOOGLE_APPLICATION_CREDENTIALS names the file.
    #[arg(long, value_name = "PATH", env = "RESELLER_OPERATOR_CREDENTIALS_FILE")]
    #[arg(conflicts_with = "service_account")]
    credentials_file: Option<PathBuf>,

    /// Work without a key: sign as this account through IAM signJwt
    ///
    /// With the token of the metadata server (Workload Identity). The pod's identity needs
    /// roles/iam.serviceAccountTokenCreator on the account.
    #[arg(long, value_name = "EMAIL", env = "RESELLER_OPERATOR_SERVICE_ACCOUNT")]
    service_account: Option<String>,

    /// Reseller administrator to act as (domain-wide delegation)
    #[arg(long, value_name = "EMAIL", env = "RESELLER_OPERATOR_SUBJECT")]
    subject: String,

    /// Where the Reseller API is
    #[arg(long, value_name = "URL", value_parser = url, env = "RESELLER_OPERATOR_RESELLER_URL")]
    #[arg(default_value = RESELLER_URL)]
    reseller_url: Url,

    /// Where the Directory API is
    #[arg(long, value_name = "URL", value_parser = url, env = "RESELLER_OPERATOR_DIRECTORY_URL")]
    #[arg(default_value = DIRECTORY_URL)]
    directory_url: Url,

    /// Where access tokens are asked for [default: the key's token_uri, else Google's]
    ///
    /// The assertion stays addressed to the key's token_uri.
    #[arg(long, value_name = "URL", value_parser = url, env = "RESELLER_OPERATOR_TOKEN_URL")]
    token_url: Option<Url>,

    /// Where IAM signs, without a key
    #[arg(long, value_name = "URL", value_parser = url, env = "RESELLER_OPERATOR_IAM_URL", default_value = IAM_URL)]
    iam_url: Url,

    /// Where the metadata server is, without a key
    #[arg(long, value_name = "URL", value_parser = url, env = "RESELLER_OPERATOR_METADATA_URL")]
    #[arg(default_value = METADATA_URL)]
    metadata_url: Url,

    /// Ceiling of calls to Google a second with this credential
    ///
    /// The operator slows down below it by itself when Google says so.
    #[arg(long, value_name = "N", env = "RESELLER_OPERATOR_REQUESTS_PER_SECOND")]
    #[arg(default_value = "10", value_parser = rate)]
    requests_per_second: f64,

    /// How long one request may take, answer included
    #[arg(long, value_name = "DURATION", env = "RESELLER_OPERATOR_REQUEST_TIMEOUT")]
    #[arg(default_value = "30s", value_parser = interval)]
    request_timeout: Duration,

    /// CA certificates (PEM) to trust beside the system's
    #[arg(long, value_name = "PATH", env = "RESELLER_OPERATOR_CA_FILE")]
    ca_file: Option<PathBuf>,

    /// Take plain http for endpoints that are not loopback addresses
    ///
    /// Tokens then cross the network readably: for tests only.
    #[arg(long, env = "RESELLER_OPERATOR_ALLOW_INSECURE_ENDPOINTS")]
    allow_insecure_endpoints: bool,
}

impl GoogleArgs {
    /// The settings of a client with these flags. Reads `GOOGLE_APPLICATION_CREDENTIALS` if no flag
    /// names a credential.
    ///
    /// # Errors
    ///
    /// No flag and no variable names a credential.
    pub fn into_settings(
        self,
        access: Access,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Settings, SetupError> {
        let fallback = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
        self.with_fallback(fallback, access, observer)
    }

    fn with_fallback(
        self,
        fallback: Option<PathBuf>,
        access: Access,
        observer: Option<Arc<dyn CallObserver>>,
    ) -> Result<Settings, SetupError> {
        let fallback = fallback.filter(|path| !path.as_os_str().is_empty());
        let credential = match (self.credentials_file, self.service_account, fallback) {
            (Some(path), _, _) | (None, None, Some(path)) => CredentialSource::KeyFile(path),
            (None, Some(service_account), _) => CredentialSource::Keyless { service_account },
            (None, None, None) => return Err(SetupError::NoCredential),
        };
        Ok(Settings {
            reseller_url: self.reseller_url,
            directory_url: self.directory_url,
            token_url: self.token_url,
            iam_url: self.iam_url,
            metadata_url: self.metadata_url,
            subject: self.subject,
            credential,
            requests_per_second: self.requests_per_second,
            request_timeout: self.request_timeout,
            ca_file: self.ca_file,
            allow_insecure_endpoints: self.allow_insecure_endpoints,
            access,
            // The commands that only read run once; nobody tries again later.
            patience: match access {
                Access::ReadWrite => Patience::Brief,
                Access::ReadOnly => Patience::Minute,
            },
            observer,
            gate: None,
        })
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a number greater than 0 is needed, such as 10".to_owned()),
    }
}

fn url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or("an https URL is needed, such as https://reseller.googleapis.com/")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        google: GoogleArgs,
    }

    const SUBJECT: [&str; 2] = ["--subject", "admin@reseller.example"];

    fn settings(flags: &[&str], fallback: Option<&str>) -> Result<Settings, String> {
        let line = ["x"].iter().chain(&SUBJECT).chain(flags);
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        let fallback = fallback.map(PathBuf::from);
        cli.google
            .with_fallback(fallback, Access::ReadOnly, None)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_group_is_well_formed_and_every_flag_has_its_variable() {
        let command = Cli::command();
        command.clone().debug_assert();
        for flag in command.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg))) {
            let variable = format!("RESELLER_OPERATOR_{}", flag.0.to_uppercase().replace('-', "_"));
            assert_eq!(flag.1.get_env().and_then(|v| v.to_str()), Some(variable.as_str()));
        }
    }

    #[test]
    fn defaults_are_googles() {
        let settings = settings(&["--credentials-file", "key.json"], None).unwrap();
        assert_eq!(settings.reseller_url.as_str(), RESELLER_URL);
        assert_eq!(settings.directory_url.as_str(), DIRECTORY_URL);
        assert!(settings.token_url.is_none());
        assert_eq!(settings.request_timeout, Duration::from_secs(30));
        assert_eq!(settings.credential, CredentialSource::KeyFile("key.json".into()));
    }

    #[test]
    fn a_flag_wins_over_application_credentials() {
        let keyless = settings(&["--service-account", "a@p.example"], Some("adc.json")).unwrap();
        let account = "a@p.example".to_owned();
        assert_eq!(keyless.credential, CredentialSource::Keyless { service_account: account });
        let fallback = settings(&[], Some("adc.json")).unwrap();
        assert_eq!(fallback.credential, CredentialSource::KeyFile("adc.json".into()));
    }

    #[test]
    fn without_a_credential_the_message_names_every_way_out() {
        for fallback in [None, Some("")] {
            let error = settings(&[], fallback).unwrap_err();
            for word in
                ["--credentials-file", "--service-account", "GOOGLE_APPLICATION_CREDENTIALS"]
            {
                assert!(error.contains(word), "{error}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_flag_named() {
        for (flag, value) in [
            ("--requests-per-second", "0"),
            ("--requests-per-second", "NaN"),
            ("--request-timeout", "0s"),
            ("--request-timeout", "soon"),
            ("--reseller-url", "reseller"),
        ] {
            assert!(settings(&[flag, value], Some("k")).unwrap_err().contains(flag), "{flag}");
        }
    }
}
