//! What was found out about logins, for a short time.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{access::basic::Login, mutex::lock};

/// What stands for a login, so that no password is kept.
pub(super) type Fingerprint = [u8; 32];

/// Answers that hold for a while; never more than its size.
#[derive(Debug)]
pub(super) struct Memory<T> {
    lifetime: Duration,
    size: usize,
    answers: Mutex<HashMap<Fingerprint, (Instant, T)>>,
}

impl<T: Clone> Memory<T> {
    pub(super) fn new(lifetime: Duration, size: usize) -> Self {
        Self {
            lifetime,
            size,
            answers: Mutex::default(),
        }
    }

    pub(super) fn recall(&self, key: &Fingerprint) -> Option<T> {
        let answers = lock(&self.answers);
        let (since, answer) = answers.get(key)?;
        (since.elapsed() < self.lifetime).then(|| answer.clone())
    }

    /// Remembers an answer, if there is room.
    pub(super) fn note(&self, key: Fingerprint, answer: T) {
        let mut answers = lock(&self.answers);
        if self.size <= answers.len() {
            answers.retain(|_, (since, _)| since.elapsed() < self.lifetime);
        }
        if answers.len() < self.size {
            answers.insert(key, (Instant::now(), answer));
        }
    }
}

pub(super) fn fingerprint(login: &Login) -> Fingerprint {
    let mut hash = Sha256::new();
    // The length keeps `ab` + `c` from `a` + `bc`.
    hash.update(login.user.len().to_le_bytes());
    hash.update(login.user.as_bytes());
    hash.update(login.password.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::{Memory, fingerprint};
    use crate::access::basic::Login;

    fn key(user: &str, password: &str) -> super::Fingerprint {
        fingerprint(&Login {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_its_time_and_its_login() {
        let memory = Memory::new(Duration::from_secs(5), 10);
        memory.note(key("ab", "c"), 1);
        advance(Duration::from_millis(4999)).await;
        assert_eq!(memory.recall(&key("ab", "c")), Some(1));
        assert_eq!(memory.recall(&key("a", "bc")), None);
        advance(Duration::from_millis(1)).await;
        assert_eq!(memory.recall(&key("ab", "c")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_never_more_answers_than_its_size() {
        let memory = Memory::new(Duration::from_secs(5), 10);
        for number in 0..20 {
            memory.note(key("a", &number.to_string()), number);
        }
        let count = |range: std::ops::Range<i32>| {
            let known = |number: &i32| memory.recall(&key("a", &number.to_string())).is_some();
            range.filter(known).count()
        };
        assert_eq!((count(0..10), count(10..20)), (10, 0));
        advance(Duration::from_secs(5)).await;
        memory.note(key("a", "new"), 21);
        assert_eq!(memory.recall(&key("a", "new")), Some(21));
        assert_eq!(super::lock(&memory.answers).len(), 1);
    }
}
