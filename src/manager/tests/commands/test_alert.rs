//! `test-alert`: one marked event through the manager's own sinks.

use std::net::UdpSocket;
use std::time::Duration;

use super::program::Program;

#[test]
fn a_test_goes_through_every_sink_and_each_answer_is_told() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let limit = Some(Duration::from_mins(1));
    receiver.set_read_timeout(limit).unwrap();
    let address = receiver.local_addr().unwrap();
    let program = Program::with(&format!(
        "[sink.log.syslog]\ntarget = \"udp:{address}\"\n\
         [sink.other.syslog]\ntarget = \"unix:PLACE/nobody\"\n"
    ));
    let said = program.says(&["test-alert", "--sink", "log"]);
    assert!(said.contains("log") && !said.contains("other"), "{said}");
    let mut told = [0; 4096];
    let length = receiver.recv(&mut told).unwrap();
    let told = String::from_utf8_lossy(&told[..length]);
    assert!(told.contains("this is a test"), "{told}");

    let all = program.run(&["test-alert"]);
    assert_eq!(all.status.code(), Some(1));
    let said = String::from_utf8(all.stdout).unwrap();
    assert!(said.contains("NOT delivered"), "{said}");
    let wrong = program.fails(2, &["test-alert", "--sink", "nobody"]);
    assert!(wrong.contains("log, other"), "{wrong}");
}
