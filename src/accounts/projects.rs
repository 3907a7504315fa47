//! How many new project ids an isolate takes in: each is a Durable Object that has to be made and kept, and whoever
//! holds a key can invent names. It does not say which projects exist.

/// How many ids are remembered in each of the two generations: with 64 bytes an id some 2 MB an isolate. More projects
/// than that in one isolate count as new now and then, up to the cap a minute.
pub const MOST_KNOWN: usize = 10_000;
/// The span that new ids are counted in.
const WINDOW_MS: u64 = 60_000;

/// The project ids that an isolate knows.
#[derive(Debug, Default)]
pub struct Projects {
    /// Those seen since the last change of generation, and those seen before it; each in their own order.
    young: Vec<String>,
    old: Vec<String>,
    window_start_ms: u64,
    new_in_window: u64,
}

impl Projects {
    /// Lets a project in that is known, or new while fewer than `most_new` came in this minute.
    ///
    /// # Errors
    /// Milliseconds after which it may be tried again.
    pub fn admit(&mut self, project: &str, most_new: u64, now_ms: u64) -> Result<(), u64> {
        let Err(mut at) = position(&self.young, project) else { return Ok(()) };
        if position(&self.old, project).is_err() {
            let elapsed_ms = now_ms.saturating_sub(self.window_start_ms);
            if elapsed_ms >= WINDOW_MS {
                self.window_start_ms = now_ms;
                self.new_in_window = 0;
            } else if self.new_in_window >= most_new {
                return Err(WINDOW_MS - elapsed_ms);
            }
            self.new_in_window += 1;
        }
        if self.young.len() >= MOST_KNOWN {
            self.old = std::mem::take(&mut self.young);
            at = 0;
        }
        self.young.insert(at, project.to_owned());
        Ok(())
    }
}

fn position(known: &[String], project: &str) -> Result<usize, usize> {
    known.binary_search_by(|name| name.as_str().cmp(project))
}
