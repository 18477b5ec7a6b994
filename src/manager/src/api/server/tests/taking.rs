//! Answers that their clients take slowly, or not at all.

use super::*;

/// More than all buffers of a connection.
const LARGE: usize = 32 << 20;

#[tokio::test]
async fn an_answer_that_is_taken_too_slowly_is_cut() {
    let app = Router::new().route("/large", get(async || vec![b'x'; LARGE]));
    let patient = Config {
        request_timeout: human::Duration::from_millis(200),
        ..config()
    };
    let world = World::serving(patient, app);
    let mut stream = world.connect().await;
    stream
        .write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let taking = async {
        let mut taken = 0;
        let mut some = vec![0; 1000];
        while let Ok(count @ 1..) = stream.read(&mut some).await {
            taken += count;
            tokio::time::sleep(Duration::from_millis(20)).await;
            // Tells at once that it is cut, amid what was on its way before.
            if stream.try_write(b"x").is_err() {
                break;
            }
        }
        taken
    };
    let taken = timeout(GENEROUS, taking).await.unwrap();
    assert!(taken < LARGE, "{taken}");
}
