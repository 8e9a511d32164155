//! The system that is measured: the `leadrail` program in one process or several, as an operator would start it.
use crate::{
    door::Door,
    engines::Ground,
    moment::wait,
    proc,
    trouble::{Doing, Trouble},
};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

/// How long the API may take until it is ready.
const START_PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// Lines of a log that are shown when a process did not start.
const LOG_LINES: usize = 20;

/// A process of the system; ends when dropped.
pub struct Role {
    pub name: &'static str,
    pub pid: u32,
    process: Child,
    log: PathBuf,
}

/// A running system.
pub struct System {
    pub door: Door,
    pub roles: Vec<Role>,
}

/// CPU time of each role, by name.
pub type RoleTimes = Vec<(&'static str, Duration)>;

impl System {
    /// Starts the roles in their order, the one with the API first, and waits until it is ready.
    pub async fn start(
        binary: &Path,
        ground: &Ground,
        roles: &[&'static str],
    ) -> Result<Self, Trouble> {
        let key = generate(binary, "keys").await?;
        let door = Door { address: free_address().await?, key };
        let secret_keys = generate(binary, "secrets").await?;
        let mut system = Self { door, roles: Vec::new() };
        for name in roles {
            let role = start_role(binary, ground, name, (&system.door, &secret_keys))?;
            eprintln!("   started {name}, process {}", role.pid);
            system.roles.push(role);
            if system.roles.len() == 1 {
                system.ready().await?;
            }
        }
        Ok(system)
    }

    async fn ready(&mut self) -> Result<(), Trouble> {
        let began = Instant::now();
        while self.door.ask("GET", "/health/ready", "").await.is_err() {
            self.check_alive()?;
            if began.elapsed() > START_PATIENCE {
                return Err("it took too long").doing("waiting for the API");
            }
            wait(LOOK).await;
        }
        Ok(())
    }

    /// Fails with the end of its log when a process has ended.
    pub fn check_alive(&mut self) -> Result<(), Trouble> {
        for role in &mut self.roles {
            if let Ok(Some(status)) = role.process.try_wait() {
                let log = std::fs::read_to_string(&role.log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
                let why = format!("it ended, {status}; its log ends:\n{end}");
                return Err(why).doing(format!("leadrail {}", role.name));
            }
        }
        Ok(())
    }

    pub fn cpu(&self) -> RoleTimes {
        self.roles.iter().map(|role| (role.name, proc::cpu_of_tree(role.pid))).collect()
    }

    /// Lines of level WARN and ERROR in all logs.
    pub fn complaints(&self) -> Vec<String> {
        let logs = self.roles.iter().filter_map(|role| std::fs::read_to_string(&role.log).ok());
        let lines = logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).collect()
    }

    /// Ends all processes at once: what they leave behind goes with their ground.
    pub async fn stop(mut self) {
        for role in &mut self.roles {
            let _ = role.process.kill().await; // it may have ended by itself
        }
    }
}

fn start_role(
    binary: &Path,
    ground: &Ground,
    name: &'static str,
    (door, secret_keys): (&Door, &str),
) -> Result<Role, Trouble> {
    let doing = || format!("starting leadrail {name}");
    let log = ground.folder.join(format!("{name}.log"));
    let mut command = Command::new(binary);
    command
        .arg(name)
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .env("LEADRAIL_LISTEN", door.address.to_string())
        .env("LEADRAIL_ADMIN_KEY", &door.key)
        .env("LEADRAIL_SECRET_KEYS", secret_keys)
        .env_remove("LEADRAIL_SECRET_KEYS_FILE")
        .env("LEADRAIL_DATA", &ground.folder)
        .env("LEADRAIL_REDIS_NAMESPACE", &ground.namespace)
        .env("LEADRAIL_ALLOW_PRIVATE_ENDPOINTS", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).doing(doing())?)
        .kill_on_drop(true);
    if let Some(servers) = &ground.servers {
        command.env("DATABASE_URL", &servers.database_url).env("REDIS_URL", &servers.redis_url);
    }
    let process = command.spawn().doing(doing())?;
    let pid = process.id().ok_or("it has ended").doing(doing())?;
    Ok(Role { name, pid, process, log })
}

/// A port that was free a moment ago.
async fn free_address() -> Result<SocketAddr, Trouble> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.doing("finding a free port")?;
    listener.local_addr().doing("finding a free port")
}

/// What `leadrail keys generate` or `leadrail secrets generate` prints.
async fn generate(binary: &Path, what: &str) -> Result<String, Trouble> {
    let doing = || format!("{} {what} generate", binary.display());
    let output = Command::new(binary)
        .args([what, "generate"])
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .output()
        .await
        .doing(doing())?;
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if printed.is_empty() { Err("it printed nothing").doing(doing()) } else { Ok(printed) }
}
