//! Random values: ids of operations, tokens of approvals, first passwords, jitter.

use std::time::Duration;

use secrecy::SecretString;

/// Letters and digits that are not taken for one another when a person reads them aloud.
const READABLE: &[u8; 54] = b"ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
/// Length of a first password: 138 bits.
const PASSWORD_LENGTH: usize = 24;
/// Length of an id or token: 69 bits.
const NONCE_LENGTH: usize = 12;

/// A value that no other pass has.
pub(super) fn nonce() -> Result<String, getrandom::Error> {
    readable(NONCE_LENGTH)
}

/// A strong password in a readable alphabet.
pub(super) fn password() -> Result<SecretString, getrandom::Error> {
    readable(PASSWORD_LENGTH).map(SecretString::from)
}

/// Up to a tenth more than `wait`, so that what failed together is not tried together.
pub(super) fn jittered(wait: Duration) -> Duration {
    let part = getrandom::u32().unwrap_or(0);
    wait + wait.mul_f64(0.1 * f64::from(part) / f64::from(u32::MAX))
}

fn readable(length: usize) -> Result<String, getrandom::Error> {
    // Bytes past the last whole multiple of the alphabet are thrown away: no letter is likelier.
    let limit = 256 - 256 % READABLE.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let letters = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < limit)
            .map(|byte| char::from(READABLE[byte % READABLE.len()]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_password_is_long_and_readable_and_never_the_same() {
        let one = password().unwrap();
        assert_eq!(one.expose_secret().len(), 24);
        assert!(one.expose_secret().bytes().all(|byte| READABLE.contains(&byte)));
        assert_ne!(one.expose_secret(), password().unwrap().expose_secret());
    }
}
