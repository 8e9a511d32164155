//! The few words of Redis's protocol that a run needs: who are you, and forget our keys.
use crate::trouble::{Doing, Trouble};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PORT: u16 = 6379;

/// Sends one line to the Redis at `url` (`redis://[[user]:password@]host[:port][/…]`) and returns what it answers.
async fn say(url: &str, line: &str) -> Result<String, Trouble> {
    let (secret, address) = parts(url).ok_or("only redis:// is known").doing("REDIS_URL")?;
    let mut stream = TcpStream::connect(&address).await.doing("connecting to Redis")?;
    let auth = secret.map(|secret| format!("AUTH {secret}\r\n")).unwrap_or_default();
    let request = format!("{auth}{line}\r\nQUIT\r\n");
    stream.write_all(request.as_bytes()).await.doing("asking Redis")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.doing("asking Redis")?;
    Ok(answer)
}

/// The password (with its user, if any) and `host:port`.
fn parts(url: &str) -> Option<(Option<String>, String)> {
    let authority = url.strip_prefix("redis://")?.split(['/', '?']).next()?;
    let (secret, host) = match authority.rsplit_once('@') {
        Some((secret, host)) => (Some(secret.replace(':', " ").trim().to_owned()), host),
        None => (None, authority),
    };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some((secret, if has_port { host.to_owned() } else { format!("{host}:{PORT}") }))
}

/// What a Redis says of itself.
pub struct Info(String);

impl Info {
    pub async fn of(url: &str) -> Result<Self, Trouble> {
        Ok(Self(say(url, "INFO").await?))
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
    }

    pub fn pid(&self) -> Option<u32> {
        self.value("process_id")?.parse().ok()
    }
}

/// Removes every key of the namespaces that begin with `prefix` (letters, digits and `-`).
pub async fn forget(url: &str, prefix: &str) -> Result<(), Trouble> {
    let script =
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', key) end";
    say(url, &format!("EVAL \"{script}\" 0 {{{prefix}*")).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, secret, address) in [
            ("redis://localhost", None, "localhost:6379"),
            ("redis://127.0.0.1:7000/0", None, "127.0.0.1:7000"),
            ("redis://:pass@h:1/", Some("pass"), "h:1"),
            ("redis://me:pass@h", Some("me pass"), "h:6379"),
        ] {
            assert_eq!(parts(url), Some((secret.map(str::to_owned), address.to_owned())), "{url}");
        }
        assert_eq!(parts("unix:/tmp/redis"), None);
    }

    #[test]
    fn a_value_is_found_by_its_whole_name() {
        let info = Info("$99\r\n# Server\r\nredis_version:7.0.15\r\nprocess_id:1234\r\n".into());
        assert_eq!((info.value("redis_version"), info.pid()), (Some("7.0.15"), Some(1234)));
        assert_eq!(info.value("version"), None);
    }
}
