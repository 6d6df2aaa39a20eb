use super::*;

#[test]
fn an_unknown_task_names_its_neighbour() {
    let error = Error::UnknownTask { name: "mail.snd".into(), known: vec!["mail.send", "ledger.close"] };
    assert_eq!(
        error.to_string(),
        "task `mail.snd` is not linked into this binary (2 known: mail.send, ledger.close); \
         did you mean `mail.send`?"
    );
}
