//! Declared by a macro of the user's.

macro_rules! tasks {
    ($($name:ident($arg:ident: $ty:ty = $default:expr)),*) => {
        $(
            #[pgjobs::task]
            pub async fn $name(required: i64, #[default($default)] $arg: $ty) {
                let _ = (required, $arg);
            }
        )*
    };
}

tasks!(first(size: u64 = 5), second(name: String = "x"));

macro_rules! task_with {
    ($timeout:literal, $priority:expr, $argument:ty, $state:ty) => {
        #[pgjobs::task(timeout = $timeout, priority = $priority)]
        pub async fn third(required: i64, argument: $argument, #[inject] state: $state) {
            let _ = (required, argument, state);
        }
    };
}

task_with!("5s", 3, Option<i64>, &pgjobs::Job);

#[test]
fn types_are_recognised_through_the_macro() {
    assert_eq!(second::new(7).name, "x");
    assert_eq!(third::new(7).argument(5).argument, Some(5));
}
