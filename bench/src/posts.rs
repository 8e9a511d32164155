//! Posts that are known beforehand, sent as fast as connections can, or each when it is due whatever became of the ones before.
use crate::{
    door::{Door, Line},
    moment::{now_us, wait_until},
    trouble::Trouble,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// A request about a lead, and what its answer must be.
#[derive(Debug)]
pub struct Post {
    pub number: u64,
    pub path: String,
    /// Header lines of its own, each with its line end.
    pub headers: String,
    pub body: String,
    pub status: u16,
    /// A part of the answer's body; any will do when it is empty.
    pub proof: &'static str,
}

/// When posts are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each connection sends the next one when it has its answer.
    AtOnce,
    /// So many a second. One that finds every connection busy is late, and the time it waited counts.
    PerSecond(f64),
}

/// A post with its answer.
#[derive(Debug, Clone, Copy)]
pub struct Posted {
    pub number: u64,
    /// When it was to be sent, in microseconds.
    pub due_at_us: i64,
    pub answered_at_us: i64,
    /// From then to the answer's last byte.
    pub took: Duration,
}

/// Sends all; any answer but the wanted one ends the run.
pub async fn send(
    door: &Door,
    posts: Vec<Post>,
    connections: usize,
    pace: Pace,
) -> Result<Vec<Posted>, Trouble> {
    let mut lines = Vec::new();
    for _ in 0..connections {
        lines.push(door.connect().await?);
    }
    let (posts, next) = (Arc::new(posts), Arc::new(AtomicUsize::new(0)));
    let began = (Instant::now(), now_us());
    let mut callers = JoinSet::new();
    for mut line in lines {
        let (posts, next) = (posts.clone(), next.clone());
        callers.spawn(async move {
            let mut posted = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(post) = posts.get(at) else { return Ok::<_, Trouble>(posted) };
                let due = due(pace, began.0, at);
                wait_until(due).await;
                line = one(line, post).await?;
                let (took, answered_at_us) = (due.elapsed(), now_us());
                let due_at_us = began.1 + microseconds(due.duration_since(began.0));
                posted.push(Posted { number: post.number, due_at_us, answered_at_us, took });
            }
        });
    }
    let mut posted = Vec::with_capacity(posts.len());
    while let Some(caller) = callers.join_next().await {
        posted.extend(caller.map_err(|panic| Trouble::Void(panic.to_string()))??);
    }
    Ok(posted)
}

fn due(pace: Pace, began: Instant, at: usize) -> Instant {
    match pace {
        Pace::AtOnce => Instant::now(),
        Pace::PerSecond(rate) => began + Duration::from_secs_f64(at as f64 / rate),
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

async fn one(mut line: Line, post: &Post) -> Result<Line, Trouble> {
    let answer = line.send_with(&post.headers, "POST", &post.path, &post.body).await?;
    let proof = post.proof.as_bytes();
    let proven = proof.is_empty() || answer.body.windows(proof.len()).any(|part| part == proof);
    if answer.status() == post.status && proven {
        return Ok(line);
    }
    let said = String::from_utf8_lossy(answer.body);
    let why = format!("{} of lead {}: {}: {said}", post.path, post.number, answer.status());
    Err(Trouble::Void(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Wire;
    use tokio::net::TcpListener;

    /// A server whose answers take `pause` each.
    async fn slow(pause: Duration) -> Door {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut wire = Wire::new(stream);
                    while let Ok(Some(_)) = wire.read().await {
                        wait_until(Instant::now() + pause).await;
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        wire.write(answer).await.unwrap();
                    }
                });
            }
        });
        Door { address, key: String::new() }
    }

    fn posts(count: u64, proof: &'static str) -> Vec<Post> {
        let (headers, body) = (String::new(), String::new());
        let post = |number| Post {
            number,
            path: "/x".into(),
            headers: headers.clone(),
            body: body.clone(),
            status: 200,
            proof,
        };
        (0..count).map(post).collect()
    }

    #[tokio::test]
    async fn the_time_a_post_waited_for_a_connection_counts() {
        let door = slow(Duration::from_millis(40)).await;
        let posted = send(&door, posts(5, "ok"), 1, Pace::PerSecond(1_000.0)).await.unwrap();
        assert_eq!(posted.len(), 5);
        let last = posted.iter().find(|one| one.number == 4).unwrap();
        assert!(last.took >= Duration::from_millis(5 * 40 - 4), "{last:?}");
        let span = last.answered_at_us - last.due_at_us;
        assert!((span - microseconds(last.took)).abs() < 20_000, "{last:?}");
    }

    #[tokio::test]
    async fn an_answer_without_its_proof_ends_the_run() {
        let door = slow(Duration::ZERO).await;
        assert!(send(&door, posts(3, ""), 2, Pace::AtOnce).await.is_ok());
        let void = send(&door, posts(3, "no"), 2, Pace::AtOnce).await;
        assert!(matches!(void, Err(Trouble::Void(_))), "{void:?}");
    }
}
