//! Where the ring comes from: a setting, a file that is made at first need, or nowhere.
use super::ring::{KeyRing, RingError};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where the ring comes from.
#[derive(Debug, Clone)]
pub enum RingSource {
    /// The operator gave it.
    Given(KeyRing),
    /// Embedded mode: a file beside the database, made when the first secret is stored.
    File(PathBuf),
    /// Nothing was set, and nothing may be made: the processes of an installation must share one ring.
    Nowhere,
}

impl RingSource {
    /// The ring, if there is one.
    pub fn get(&self) -> Result<KeyRing, RingError> {
        match self {
            Self::Given(ring) => Ok(ring.clone()),
            Self::File(path) => match fs::read_to_string(path) {
                Ok(text) => KeyRing::parse(&text),
                Err(error) => Err(file(path, &error)),
            },
            Self::Nowhere => Err(RingError::None),
        }
    }

    /// The ring; the file is made when it is not there. Whoever asks must know that nothing was wrapped before: a new ring does not
    /// open what a lost one wrapped.
    pub fn get_or_make(&self) -> Result<KeyRing, RingError> {
        if let Self::File(path) = self
            && !path.exists()
        {
            put(path, &KeyRing::new_entry())?;
        }
        self.get()
    }

    /// Whether a first key may be made here.
    pub fn is_unmade(&self) -> bool {
        matches!(self, Self::File(path) if !path.exists())
    }

    /// Puts a new key in front, for rotation. Only a ring in a file can be changed by the program.
    pub fn put_new_key_first(&self) -> Result<KeyRing, RingError> {
        let Self::File(path) = self else {
            return Err(RingError::Ring("is a setting; put the new key into it yourself".into()));
        };
        let old = fs::read_to_string(path).map_err(|error| file(path, &error))?;
        KeyRing::parse(&old)?;
        let text = format!("{}\n{}\n", *KeyRing::new_entry(), old.trim());
        KeyRing::parse(&text)?;
        let fresh = path.with_extension("keys.new");
        write(&fresh, &text)?;
        fs::rename(&fresh, path).map_err(|error| file(path, &error))?;
        self.get()
    }
}

/// Writes the first ring, unless another process was faster.
fn put(path: &Path, entry: &str) -> Result<(), RingError> {
    let own = path.with_extension(format!("keys.{}", std::process::id()));
    write(&own, &format!("{entry}\n"))?;
    let linked = fs::hard_link(&own, path);
    let _ = fs::remove_file(&own); // a leftover of the owner's own
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(file(path, &error)),
        _ => sync_folder(path),
    }
}

/// Writes a file that only its owner may read, and waits until it is on disk.
fn write(path: &Path, text: &str) -> Result<(), RingError> {
    let _ = fs::remove_file(path); // of a process that died
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut made| made.write_all(text.as_bytes()).and_then(|()| made.sync_all()))
        .map_err(|error| file(path, &error))
}

fn sync_folder(path: &Path) -> Result<(), RingError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = fs::File::open(folder.unwrap_or(Path::new(".")));
    folder.and_then(|folder| folder.sync_all()).map_err(|error| file(path, &error))
}

fn file(path: &Path, error: &std::io::Error) -> RingError {
    let why = match error.kind() {
        ErrorKind::NotFound => "is not there; restore it from your backup".to_owned(),
        _ => format!("cannot be used: {error}"),
    };
    RingError::File { path: path.display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_ring_file_is_made_once_for_its_owner_only_and_grows_by_rotation() {
        let folder = std::env::temp_dir().join(format!("leadrail-ring-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("secret.keys");
        let source = RingSource::File(path.clone());
        assert!(source.is_unmade());
        let lost = source.get().unwrap_err().to_string();
        assert!(lost.contains("secret.keys is not there"), "{lost}");
        let first = source.get_or_make().unwrap();
        assert_eq!(source.get_or_make().unwrap().ids(), first.ids());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let grown = source.put_new_key_first().unwrap();
        assert_eq!(grown.ids()[1..], first.ids());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left over");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(RingSource::Nowhere.get().unwrap_err(), RingError::None);
    }
}
