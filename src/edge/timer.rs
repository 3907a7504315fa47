//! One timer for everything that a request waits for: setting and clearing one at each step costs more than to be woken
//! too early now and then.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ports::now_ms;
use super::task::{self, Sleep};

/// A request's timer. All that waits for it must be in one task. It is cleared when it is dropped.
#[derive(Default)]
pub(super) struct Timer {
    set: RefCell<Option<Set>>,
}

/// A timer that was set.
struct Set {
    due_ms: u64,
    sleep: Sleep,
}

impl Timer {
    /// Returns after so many milliseconds.
    pub(super) async fn sleep(&self, ms: u64) {
        let due_ms = now_ms().saturating_add(ms);
        poll_fn(|context| self.poll(due_ms, context)).await;
    }

    fn poll(&self, due_ms: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut set = self.set.borrow_mut();
        loop {
            let in_time = set.as_mut().filter(|set| set.due_ms <= due_ms);
            if in_time.is_some_and(|set| Pin::new(&mut set.sleep).poll(context).is_pending()) {
                return Poll::Pending;
            }
            *set = None;
            let left_ms = due_ms.saturating_sub(now_ms());
            if left_ms == 0 {
                return Poll::Ready(());
            }
            *set = Some(Set { due_ms, sleep: task::sleep(left_ms) });
        }
    }
}
