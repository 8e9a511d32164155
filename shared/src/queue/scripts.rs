//! The four Lua scripts, called by their hashes and sent in full only when Redis forgot them.

use std::sync::LazyLock;

use redis::aio::ConnectionManager;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind};

pub(super) static PUSH: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/push.lua")));
pub(super) static TAKE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/take.lua")));
pub(super) static RENEW: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/renew.lua")));
pub(super) static SETTLE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/settle.lua")));

/// Begins a call with its keys; the arguments follow. Written straight into the command's buffer,
/// where `redis::ScriptInvocation` would allocate for every argument.
pub(super) fn call(script: &Script, keys: &[String; 4], arguments: usize) -> Cmd {
    const BYTES_AN_ARGUMENT: usize = 48;
    let mut cmd = Cmd::with_capacity(arguments + 7, (arguments + 7) * BYTES_AN_ARGUMENT);
    cmd.arg("EVALSHA").arg(script.get_hash()).arg(keys.len());
    for key in keys {
        cmd.arg(key.as_bytes());
    }
    cmd
}

/// Sends a call, after teaching Redis the script if need be.
pub(super) async fn send<T: FromRedisValue>(
    script: &Script,
    cmd: &Cmd,
    connection: &ConnectionManager,
) -> RedisResult<T> {
    let mut connection = connection.clone();
    match cmd.query_async(&mut connection).await {
        Err(cause) if cause.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            script.load_async(&mut connection).await?;
            cmd.query_async(&mut connection).await
        }
        answer => answer,
    }
}
