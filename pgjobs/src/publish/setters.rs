//! The option setters of every publishing builder.

/// Setters for the options; `$options` is the field with the options.
macro_rules! option_setters {
    ($($options:ident).+) => {
        /// The maximum number of runs before the job ends as failed: 3 means at most three runs. 1 to 1000.
        /// Not given, this and the next two are what the task declares.
        pub fn retries(mut self, runs: u32) -> Self {
            self.$($options).+.retries = Some(runs);
            self
        }

        /// The time limit of a run, from 10 ms to 7 days.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.$($options).+.timeout = Some(timeout);
            self
        }

        /// Jobs with a greater priority run first.
        pub fn priority(mut self, priority: i32) -> Self {
            self.$($options).+.priority = Some(priority);
            self
        }

        /// The job does not run before this time.
        pub fn scheduled_at(mut self, at: chrono::DateTime<chrono::Utc>) -> Self {
            self.$($options).+.due = $crate::types::call_options::Due::At(at);
            self
        }

        /// The job does not run before this long after publishing, by the database's clock.
        pub fn delay(mut self, delay: std::time::Duration) -> Self {
            self.$($options).+.due = $crate::types::call_options::Due::After(delay);
            self
        }

        /// Notes a value on the job beside its arguments, for people and for layers: a tenant, a request's id.
        /// Listings show it, readers included, so it holds no secrets; all notes together take at most 4 KiB
        /// as JSON. A value that is not JSON, or a key `tags` that is no array, is refused when the job is
        /// published.
        pub fn meta(mut self, key: impl Into<String>, value: impl serde::Serialize) -> Self {
            self.$($options).+.meta.set(key.into(), value);
            self
        }

        /// Makes the call one of a kind: while another job holds the same key, none is published beside it.
        /// In place of what the task declares, key by key. A publisher waits for another open transaction
        /// that has published under the same key, since it may be rolled back; so publish unique jobs late in
        /// a transaction. What became of the call says [`JobHandle::outcome`](crate::JobHandle::outcome).
        pub fn unique(mut self, unique: $crate::Unique) -> Self {
            self.$($options).+.set_unique(unique);
            self
        }

        /// Publishes another job whatever the task declares.
        pub fn not_unique(mut self) -> Self {
            self.$($options).+.set_unique($crate::types::unique::Unique::none());
            self
        }

        /// Notes a tag on the job, once; tags are the array `tags` of its meta.
        pub fn tag(mut self, tag: impl Into<String>) -> Self {
            self.$($options).+.meta.tag(tag.into());
            self
        }
    };
}
pub(crate) use option_setters;
