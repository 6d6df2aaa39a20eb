//! The option setters of every publishing builder.

/// Setters for the options; `$options` is the field with the options.
macro_rules! option_setters {
    ($($options:ident).+) => {
        /// The maximum number of runs before the job ends as failed: 3 means at most three runs. 1 to 1000.
        pub fn retries(mut self, runs: u32) -> Self {
            self.$($options).+.retries = Some(runs);
            self
        }

        /// The time limit of a run, from 10 ms to 7 days.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.$($options).+.timeout = Some(timeout);
            self
        }

        /// Jobs with a greater priority run first; 0 unless the task sets another.
        pub fn priority(mut self, priority: i32) -> Self {
            self.$($options).+.priority = Some(priority);
            self
        }

        /// The job does not run before this time.
        pub fn scheduled_at(mut self, at: chrono::DateTime<chrono::Utc>) -> Self {
            self.$($options).+.due = $crate::types::options::Due::At(at);
            self
        }

        /// The job does not run before this long after publishing, by the database's clock.
        pub fn delay(mut self, delay: std::time::Duration) -> Self {
            self.$($options).+.due = $crate::types::options::Due::After(delay);
            self
        }
    };
}
pub(crate) use option_setters;
