//! PATH becomes files: a file itself, every manifest under a folder, or standard input.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Endings of the files that are read in a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Something to read, or why it cannot be read.
pub(super) struct Source {
    pub name: String,
    pub content: Result<Content, Unusable>,
}

pub(super) enum Content {
    File(File),
    Stdin,
}

/// Why a path cannot be read, and what to do.
#[derive(Debug)]
pub(super) struct Unusable {
    pub message: String,
    pub help: &'static str,
}

/// Finds files; each is read once, however often it was named.
#[derive(Default)]
pub(super) struct Finder {
    seen: HashSet<PathBuf>,
    is_stdin_taken: bool,
}

impl Finder {
    /// The files of one PATH, in the order of their names.
    pub(super) fn files(&mut self, path: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        self.look(path, true, &mut files);
        files
    }

    fn look(&mut self, path: &Path, is_named: bool, files: &mut Vec<PathBuf>) {
        if path == Path::new("-") && is_named {
            if !std::mem::replace(&mut self.is_stdin_taken, true) {
                files.push(path.to_owned());
            }
            return;
        }
        let is_folder = fs::metadata(path).is_ok_and(|data| data.is_dir());
        let is_manifest =
            path.extension().is_some_and(|ending| ENDINGS.iter().any(|e| ending == *e));
        if !is_folder && !is_named && !is_manifest {
            return;
        }
        // Two names of one file are one file, and a link to a folder above is no loop.
        let is_new = fs::canonicalize(path).map_or(true, |real| self.seen.insert(real));
        if !is_new {
            return;
        }
        match fs::read_dir(path) {
            Ok(entries) if is_folder => {
                let names: BTreeSet<_> = entries.flatten().map(|entry| entry.file_name()).collect();
                for name in names {
                    self.look(&path.join(name), false, files);
                }
            }
            _ => files.push(path.to_owned()),
        }
    }
}

/// Opens a file that the finder named.
pub(super) fn open(path: &Path) -> Source {
    if path == Path::new("-") {
        return Source { name: "<stdin>".to_owned(), content: Ok(Content::Stdin) };
    }
    Source { name: path.display().to_string(), content: file(path).map(Content::File) }
}

fn file(path: &Path) -> Result<File, Unusable> {
    let cannot = |error: io::Error| Unusable {
        help: match error.kind() {
            io::ErrorKind::NotFound => {
                "name a file or a folder that exists, or - for standard input"
            }
            io::ErrorKind::PermissionDenied => "give yourself the right to read it",
            _ => "",
        },
        message: format!("cannot be read: {error}"),
    };
    let data = fs::metadata(path).map_err(cannot)?;
    if data.is_dir() {
        // It would have been walked through if it could.
        return Err(fs::read_dir(path)
            .err()
            .map_or_else(|| Unusable { message: "is a folder".to_owned(), help: "" }, cannot));
    }
    if !data.is_file() {
        return Err(Unusable {
            message: "is neither a file nor a folder".to_owned(),
            help: "to read what another program writes, pipe it in and give - as PATH",
        });
    }
    File::open(path).map_err(cannot)
}

/// Reads what a source holds.
pub(super) fn reader<'a>(content: Content, stdin: &'a mut dyn Read) -> Box<dyn Read + 'a> {
    match content {
        Content::File(file) => Box::new(file),
        Content::Stdin => Box::new(stdin),
    }
}
