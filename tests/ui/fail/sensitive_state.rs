use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(#[inject] #[sensitive] mailer: &Mailer, user_id: i64) {
    let _ = (mailer, user_id);
}

fn main() {}
