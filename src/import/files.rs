//! Manifests become files: as a whole or not at all. IO on files only.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use tempfile::Builder;

use crate::domain::ids::CustomerId;

/// What became of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file is new, or was overwritten.
    Yes,
    /// The file is there with this very text.
    Unchanged,
    /// A file with another text is there and was not touched.
    Exists,
    /// The file that is there is about another account, and is not overwritten even if asked to.
    OtherCustomer(String),
}

/// Makes the folder, and sees whether files can be made in it.
pub fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

/// Writes the manifest of this account. Whoever reads the path sees the old file or the whole new
/// one, also after a crash. A symbolic link is replaced and never followed.
///
/// # Errors
///
/// The file cannot be written. That another one is there is no error but an answer.
pub fn write(path: &Path, text: &str, id: &CustomerId, is_forced: bool) -> io::Result<Written> {
    match fs::read_to_string(path) {
        Ok(found) if found == text => return Ok(Written::Unchanged),
        Ok(found) if is_forced => {
            if let Some(other) = pinned(&found).filter(|other| other != id.as_str()) {
                return Ok(Written::OtherCustomer(other));
            }
        }
        _ => {}
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    // Like any new file; the umask takes away what the user wants it to.
    let permissions = Permissions::from_mode(0o666);
    let mut file =
        Builder::new().prefix(".import-").permissions(permissions).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    if is_forced {
        file.persist(path).map_err(|error| error.error)?;
        return Ok(Written::Yes);
    }
    match file.persist_noclobber(path) {
        Ok(_) => Ok(Written::Yes),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(Written::Exists),
        Err(error) => Err(error.error),
    }
}

/// The `spec.customerId` of a file, if it is one manifest that has one.
fn pinned(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Manifest {
        spec: Spec,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        customer_id: String,
    }
    serde_yaml::from_str::<Manifest>(text).ok().map(|manifest| manifest.spec.customer_id)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const OLD: &str = "spec:\n  customerId: C01\n  language: de\n";
    const NEW: &str = "spec:\n  customerId: C01\n  language: fr\n";

    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(TempDir::new().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("acme.example.yaml")
        }

        fn with(text: &str) -> Self {
            let folder = Self::new();
            fs::write(folder.path(), text).unwrap();
            folder
        }

        fn write(&self, is_forced: bool) -> Written {
            let id = CustomerId::parse("C01").unwrap();
            let written = write(&self.path(), NEW, &id, is_forced).unwrap();
            assert_eq!(fs::read_dir(self.0.path()).unwrap().count(), 1, "something is left behind");
            written
        }

        fn text(&self) -> String {
            fs::read_to_string(self.path()).unwrap()
        }
    }

    #[test]
    fn a_new_file_is_like_any_other() {
        let folder = Folder::new();
        assert_eq!(folder.write(false), Written::Yes);
        assert_eq!(folder.text(), NEW);
        let beside = folder.0.path().join("beside");
        fs::write(&beside, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&folder.path()), mode(&beside));
    }

    #[test]
    fn a_file_that_says_the_same_is_left_alone() {
        let folder = Folder::with(NEW);
        assert_eq!(folder.write(false), Written::Unchanged);
        assert_eq!(folder.write(true), Written::Unchanged);
    }

    #[test]
    fn another_file_is_overwritten_only_if_asked_to() {
        let folder = Folder::with(OLD);
        assert_eq!(folder.write(false), Written::Exists);
        assert_eq!(folder.text(), OLD);
        assert_eq!(folder.write(true), Written::Yes);
        assert_eq!(folder.text(), NEW);
    }

    #[test]
    fn the_manifest_of_another_account_is_never_overwritten() {
        let other = OLD.replace("C01", "C02");
        let folder = Folder::with(&other);
        assert_eq!(folder.write(true), Written::OtherCustomer("C02".to_owned()));
        assert_eq!(folder.text(), other);
    }

    #[test]
    fn what_is_no_manifest_is_overwritten_if_asked_to() {
        let folder = Folder::with("{ not yaml");
        assert_eq!(folder.write(true), Written::Yes);
    }

    #[test]
    fn a_symbolic_link_is_never_followed() {
        let elsewhere = TempDir::new().unwrap();
        let target = elsewhere.path().join("target");
        let folder = Folder::new();
        symlink(&target, folder.path()).unwrap();
        assert_eq!(folder.write(false), Written::Exists);
        assert!(!target.exists());
        assert_eq!(folder.write(true), Written::Yes);
        assert!(!target.exists());
        assert!(!folder.path().is_symlink());
    }

    #[test]
    fn a_folder_is_made_and_one_that_cannot_be_is_an_error() {
        let folder = TempDir::new().unwrap();
        let deep = folder.path().join("a/b");
        prepare(&deep).unwrap();
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(prepare(&file).is_err());
        assert!(prepare(&file.join("below")).is_err());
    }
}
