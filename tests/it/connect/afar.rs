//! `bmsync connect --server` in its ways: with a code, with an administrator's consent first, and where no browser can come
//! back.

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

use super::place::Place;
use super::program::{PATIENCE, address, command};
use super::world::{ADMIN, agree, browser, location};

#[tokio::test]
async fn with_a_code_the_server_waits_and_reads_at_once() {
    let place = Place::new().await;
    let served = place.run(&[]).await;
    let (exit, said) = place.connect(&["--server", &served.url]).await;
    assert!(exit == 0 && said.contains("marta@harbor.example signed in to tenant harbor"), "{said}");
    let told = served.until(&place, "it is read", |tenant| tenant["phase"] == "watching").await;
    assert_eq!(told["users"], 2);

    // Who declines is told so, and the sign-in of before stays.
    let args = ["connect", "harbor", "--device-code", "--server", &served.url];
    let child = command(place.path(), &args).spawn().unwrap();
    let (exit, said) = place.with_a_code(child, None).await;
    assert!(exit == 1 && said.contains("declined to sign in"), "{said}");
    served.kill().await;
    assert_eq!(place.done(&["plan"]).await.0, 0, "it was kept in the state of the server");
}

#[tokio::test]
async fn with_consent_first_the_server_sends_the_browser_on() {
    let place = Place::new().await;
    let served = place.run(&[]).await;
    let args = ["connect", "harbor", "--admin-consent", "--no-browser", "--server", &served.url];
    let mut child = command(place.path(), &args).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let consent = address(&mut lines).await;
    assert!(consent.path().ends_with("/v2.0/adminconsent"), "{consent}");
    let back = agree(&consent, ADMIN).await;
    assert!(back.as_str().starts_with(&served.url.replace("127.0.0.1", "localhost")), "{back}");
    let onward = browser().get(back).send().await.unwrap();
    assert_eq!(onward.status(), 303);
    // Everybody may sign in now without being asked: an administrator has consented.
    let back = agree(&location(&onward).unwrap(), "omar@harbor.example").await;
    assert_eq!(browser().get(back).send().await.unwrap().status(), 200);
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("omar@harbor.example signed in"), "{told}");
    served.kill().await;
}

/// From another machine the browser would look for the server on its own: `::ffff:127.0.0.1` leads here, and is no name of
/// this machine.
#[tokio::test]
async fn from_another_machine_a_browser_is_not_sent_in_vain() {
    let place = Place::new().await;
    let issued = rcgen::generate_simple_self_signed(vec!["::ffff:127.0.0.1".to_owned()]).unwrap();
    place.write("tls.crt", &issued.cert.pem());
    place.write("tls.key", &issued.signing_key.serialize_pem());
    place.write("tokens", "operator act\n");
    let tls = ["--tokens", "tokens", "--tls-cert", "tls.crt", "--tls-key", "tls.key"];
    let served = place.run(&tls).await;
    let url = served.url.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    let from_afar = |args: &[&str]| {
        let mut command = command(place.path(), &[args, &["--server", &url]].concat());
        command.env("BMSYNC_TOKEN", "act").env("SSL_CERT_FILE", place.path().join("tls.crt")).env("NO_PROXY", "*");
        command
    };
    for more in ["--no-browser", "--admin-consent"] {
        let output = from_afar(&["connect", "harbor", more]).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("has no address for a browser to come back to from here"), "{said}");
        assert!(said.contains("--public-url") && said.contains("--device-code"), "{said}");
    }
    let child = from_afar(&["connect", "harbor", "--device-code"]).spawn().unwrap();
    let (exit, said) = place.with_a_code(child, Some(ADMIN)).await;
    assert!(exit == 0 && said.contains("marta@harbor.example signed in"), "{said}");
    served.kill().await;
}

#[tokio::test]
async fn a_code_and_consent_do_not_go_together() {
    let place = Place::new().await;
    for more in [&[][..], &["--server", "http://127.0.0.1:9"]] {
        let (exit, said) =
            place.done(&[&["connect", "harbor", "--device-code", "--admin-consent"], more].concat()).await;
        assert!(exit == 64 && said.contains("--admin-consent") && said.contains("cannot be used with"), "{said}");
    }
}

#[tokio::test]
async fn a_server_says_why_nobody_needs_to_sign_in() {
    let place = Place::new().await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    let served = place.run(&[]).await;
    for more in ["--device-code", "--admin-consent", "--no-browser"] {
        let (exit, said) = place.done(&["connect", "harbor", more, "--server", &served.url]).await;
        assert!(exit == 1 && said.contains("says `signIn: application`, so nobody needs to sign in"), "{said}");
    }
    served.kill().await;
}
