//! Tasks, and what they wait for: promises and timers.
//!
//! `wasm-bindgen-futures` makes two closures for each promise and asks the platform for a microtask at each waking; in
//! workerd both are objects of the platform, and dearer than the work between them. Here one function per isolate takes
//! every result in and polls the task that waits for it, before it returns.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use js_sys::Promise;
use slab::Slab;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use super::js::{self, Debt};

thread_local! {
    static TASKS: Tasks = Tasks::new();
}

/// The time that was read since tasks began to run, if any was.
pub(super) fn known_time() -> Option<u64> {
    TASKS.with(|tasks| tasks.time.get())
}

/// Keeps the time until the tasks that run have all come to wait; where none runs, it is not kept.
pub(super) fn know_time(now_ms: u64) {
    TASKS.with(|tasks| tasks.time.set(Some(now_ms).filter(|_| tasks.running.get())));
}

/// Runs `work` up to its first wait, and on at each waking.
pub(super) fn spawn(work: impl Future<Output = ()> + 'static) {
    TASKS.with(|tasks| {
        let id = {
            let mut all = tasks.tasks.borrow_mut();
            let entry = all.vacant_entry();
            let id = entry.key();
            entry.insert(Task { work: Some(Box::pin(work)), waker: Waker::from(Arc::new(Alarm { task: id })) });
            id
        };
        tasks.ready.borrow_mut().push_back(id);
        tasks.run();
    });
}

/// A promise for the platform, which a task settles with [`js::pay`].
pub(super) fn owe() -> Debt {
    TASKS.with(|tasks| js::owe(tasks.resume.as_ref()))
}

/// What `promise` comes to.
pub(super) fn settled(promise: &Promise) -> Settled {
    TASKS.with(|tasks| {
        let wait = tasks.begin();
        js::settle(promise, number(wait), tasks.resume.as_ref());
        Settled { wait: Some(wait) }
    })
}

/// Ends after so many milliseconds, counted from the first poll.
pub(super) fn sleep(ms: u64) -> Sleep {
    Sleep { ms, state: Timeout::NotSet }
}

/// See [`settled`].
pub(super) struct Settled {
    /// The number of the wait; `None` = it came and was taken.
    wait: Option<usize>,
}

impl Future for Settled {
    type Output = Result<JsValue, JsValue>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        take(&mut self.wait, context)
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        // Promises cannot be told that nobody waits, so the wait itself must know.
        if let Some(wait) = self.wait {
            TASKS.with(|tasks| tasks.forget(wait));
        }
    }
}

/// See [`sleep`]. Dropping it clears its timer.
pub(super) struct Sleep {
    ms: u64,
    state: Timeout,
}

#[derive(Clone, Copy)]
enum Timeout {
    NotSet,
    Set {
        wait: usize,
        handle: f64,
    },
    /// It came and was taken. Or the platform set none: then nothing ends in time, but what was begun goes on.
    Over,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Timeout::NotSet = self.state {
            self.state = set_timeout(self.ms);
        }
        let Timeout::Set { wait, handle } = self.state else { return Poll::Pending };
        let mut open = Some(wait);
        let polled = take(&mut open, context).map(|_| ());
        self.state = open.map_or(Timeout::Over, |wait| Timeout::Set { wait, handle });
        polled
    }
}

fn set_timeout(ms: u64) -> Timeout {
    #[expect(clippy::cast_precision_loss, reason = "no timer is set for millennia")]
    let ms = ms as f64;
    TASKS.with(|tasks| {
        let wait = tasks.begin();
        match js::wake(ms, number(wait), tasks.resume.as_ref()) {
            Ok(handle) => Timeout::Set { wait, handle },
            Err(_) => {
                tasks.waits.borrow_mut().try_remove(wait);
                Timeout::Over
            }
        }
    })
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Timeout::Set { wait, handle } = self.state {
            // One that cannot be cleared finds nobody who waits.
            let _cleared = js::clear_timeout(handle);
            TASKS.with(|tasks| tasks.waits.borrow_mut().try_remove(wait));
        }
    }
}

/// What `wait` came to; leaves `None` in its place then.
fn take(wait: &mut Option<usize>, context: &Context<'_>) -> Poll<Result<JsValue, JsValue>> {
    let Some(id) = *wait else { return Poll::Pending };
    TASKS.with(|tasks| {
        let mut waits = tasks.waits.borrow_mut();
        match waits.get_mut(id) {
            Some(Wait::Came(_)) => {}
            Some(open) => {
                *open = Wait::Open(Some(context.waker().clone()));
                return Poll::Pending;
            }
            None => return Poll::Pending,
        }
        *wait = None;
        match waits.try_remove(id) {
            Some(Wait::Came(result)) => Poll::Ready(result),
            Some(Wait::Open(_) | Wait::Forgotten) | None => Poll::Pending,
        }
    })
}

/// How the platform is told of a wait.
fn number(wait: usize) -> u32 {
    u32::try_from(wait).unwrap_or(SOON)
}

struct Tasks {
    tasks: RefCell<Slab<Task>>,
    waits: RefCell<Slab<Wait>>,
    ready: RefCell<VecDeque<usize>>,
    /// The ready tasks are being polled, or will be without further ado.
    running: Cell<bool>,
    /// See [`know_time`].
    time: Cell<Option<u64>>,
    /// They will be polled in a moment.
    scheduled: Cell<bool>,
    /// What the platform calls: `(wait, settled well, value or reason)`.
    resume: Closure<dyn Fn(u32, bool, JsValue)>,
}

struct Task {
    /// `None` while it is polled.
    work: Option<Pin<Box<dyn Future<Output = ()>>>>,
    waker: Waker,
}

/// Something that was asked of the platform.
enum Wait {
    /// It has not come; whom to wake.
    Open(Option<Waker>),
    /// It came.
    Came(Result<JsValue, JsValue>),
    /// Nobody waits for it any more.
    Forgotten,
}

impl Tasks {
    fn new() -> Self {
        Self {
            tasks: RefCell::default(),
            waits: RefCell::default(),
            ready: RefCell::default(),
            running: Cell::new(false),
            time: Cell::new(None),
            scheduled: Cell::new(false),
            resume: Closure::new(|wait, well, value: JsValue| {
                TASKS.with(|tasks| tasks.resume(wait, if well { Ok(value) } else { Err(value) }));
            }),
        }
    }

    fn resume(&self, wait: u32, result: Result<JsValue, JsValue>) {
        let waker = if wait == SOON {
            self.scheduled.set(false);
            None
        } else {
            self.came(wait as usize, result)
        };
        let was_running = self.running.replace(true);
        if let Some(waker) = waker {
            waker.wake();
        }
        self.running.set(was_running);
        self.run();
    }

    fn begin(&self) -> usize {
        self.waits.borrow_mut().insert(Wait::Open(None))
    }

    fn forget(&self, wait: usize) {
        let mut waits = self.waits.borrow_mut();
        match waits.get_mut(wait) {
            Some(open @ Wait::Open(_)) => *open = Wait::Forgotten,
            Some(Wait::Came(_)) => drop(waits.try_remove(wait)),
            Some(Wait::Forgotten) | None => {}
        }
    }

    fn came(&self, wait: usize, result: Result<JsValue, JsValue>) -> Option<Waker> {
        let mut waits = self.waits.borrow_mut();
        match std::mem::replace(waits.get_mut(wait)?, Wait::Came(result)) {
            Wait::Open(waker) => waker,
            Wait::Came(_) => None,
            Wait::Forgotten => {
                waits.try_remove(wait);
                None
            }
        }
    }

    fn run(&self) {
        if self.running.replace(true) {
            return;
        }
        loop {
            let Some(id) = self.ready.borrow_mut().pop_front() else { break };
            let taken = self.tasks.borrow_mut().get_mut(id).map(|task| (task.work.take(), task.waker.clone()));
            let Some((Some(mut work), waker)) = taken else { continue };
            let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
            let mut tasks = self.tasks.borrow_mut();
            match (polled, tasks.get_mut(id)) {
                (Poll::Pending, Some(task)) => task.work = Some(work),
                (Poll::Ready(()), _) | (Poll::Pending, None) => {
                    tasks.try_remove(id);
                    // It may hold what wakes or clears something on its way out.
                    drop(tasks);
                    drop(work);
                }
            }
        }
        self.running.set(false);
        self.time.set(None);
    }

    /// A waking that did not come from [`resume`](Self::resume) may come from the middle of somebody else's work, so
    /// its task is not polled at once.
    fn run_soon(&self) {
        if !self.running.get() && !self.scheduled.replace(true) {
            js::settle(&Promise::resolve(&JsValue::UNDEFINED), SOON, self.resume.as_ref());
        }
    }
}

/// The number of no wait: only look for what is ready.
const SOON: u32 = u32::MAX;

/// Wakes a task.
struct Alarm {
    task: usize,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        TASKS.with(|tasks| {
            let mut ready = tasks.ready.borrow_mut();
            if !ready.contains(&self.task) {
                ready.push_back(self.task);
            }
            drop(ready);
            tasks.run_soon();
        });
    }
}
