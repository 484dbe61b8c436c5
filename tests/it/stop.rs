//! The real daemon, told to stop while somebody outside keeps it waiting.

#![cfg(test)]

use super::front::http::try_send;
use super::front::receiver::Receiver;
use super::front::until;
use super::kill::Daemon;

/// `until` waits for half a minute, and the attempt would take two.
#[test]
fn a_stop_doesnt_wait_for_a_test_message_to_a_slow_receiver() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let config = folder.path().join("andon.toml");
    let data = folder.path().join("data").display().to_string();
    let target = receiver.webhook(folder.path(), "hook", "");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nshutdown_grace = \"1s\"\nrequest_timeout = \"5m\"\n\
         [store]\npath = {data:?}\n[drill]\nevery = \"never\"\n[notifications]\ntimeout = \"2m\"\n{target}"
    );
    std::fs::write(&config, text).unwrap();
    let mut daemon = Daemon::start(&config);
    receiver.hold(true);
    let address = daemon.address;
    let asked = std::thread::spawn(move || {
        let headers = [("content-type", "application/json")];
        try_send(address, "POST", "/v1/notifications/hook/test", &headers, b"{}")
    });
    receiver.wait_for(1);
    daemon.terminate();
    until("the daemon has ended", || daemon.has_ended());
    receiver.hold(false);
    // Its connection was cut.
    asked.join().unwrap();
}
