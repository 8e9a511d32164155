//! A temporary folder that a server's own user may enter, removed with everything in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};
use uuid::Uuid;

/// Whom servers run as when the tests run as root; PostgreSQL refuses to be root.
#[derive(Clone, Copy)]
pub(crate) struct ServiceUser {
    pub uid: u32,
    pub gid: u32,
}

impl ServiceUser {
    /// `None` when we are not root: then servers run as we do.
    pub fn when_root() -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let known = |name| User::from_name(name).ok().flatten();
        let user = known("postgres")
            .or_else(|| known("nobody"))
            .expect("root needs a user postgres or nobody to run PostgreSQL");
        Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }
}

pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder with a short name: a socket's whole path may have about 100 bytes.
    pub fn new() -> Self {
        let name = Uuid::now_v7().simple().to_string();
        let path = base().join(format!("leadrail-{}", &name[20..]));
        fs::create_dir(&path).expect("the temporary folder can be written");
        let everyone_enters = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, everyone_enters).expect("the folder is ours");
        Self(path)
    }

    pub fn give_to(&self, user: ServiceUser) {
        chown(&self.0, Some(user.uid), Some(user.gid)).expect("root may give a folder away");
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A server that dies slowly may still write; what remains is the system's to clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The system's temporary folder, unless it is in root's home, which no service user may enter.
fn base() -> PathBuf {
    let base = std::env::temp_dir();
    if base.starts_with("/root") { PathBuf::from("/tmp") } else { base }
}
