//! A folder, as editors, Kubernetes and `git pull` change it.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::manifests::{Cause, InForce, LiveManifests, Origin, Timing};
use bmsync::manifest::Code;

use super::{Folder, codes, events_alone, next, open, policy, seconds, tenant, until};

async fn watched(folder: &Folder, timing: Timing) -> LiveManifests {
    open(Origin::Folder(folder.at("m")), timing).await.unwrap()
}

#[tokio::test]
async fn an_edit_a_rename_a_new_file_and_a_removed_one_are_noticed() {
    let folder = Folder::new();
    folder.write("m/policy.yaml", policy(60));
    let live = watched(&folder, events_alone()).await;
    assert_eq!((seconds(&live.in_force()), live.in_force().commit.as_deref()), (60, None));

    folder.write("m/policy.yaml", policy(61));
    let edited = until(&live, |now| seconds(now) == 61).await;
    assert!(edited.noticed_at <= edited.loaded_at && edited.problem.is_none());

    // An editor that keeps a backup and puts a new file in the old one's place.
    folder.write("m/.policy.yaml.swp", "b0VIM");
    fs::rename(folder.at("m/policy.yaml"), folder.at("m/policy.yaml~")).unwrap();
    folder.write("m/4913", policy(62));
    fs::rename(folder.at("m/4913"), folder.at("m/policy.yaml")).unwrap();
    until(&live, |now| seconds(now) == 62).await;

    folder.write("m/deep/er/tenant.yaml", tenant(1));
    until(&live, |now| now.config.tenants.len() == 1).await;
    folder.write("m/deep/er/tenant.yaml", tenant(2));
    until(&live, |now| now.config.tenants[0].name == "t2").await;
    fs::remove_file(folder.at("m/deep/er/tenant.yaml")).unwrap();
    until(&live, |now| now.config.tenants.is_empty()).await;
}

#[tokio::test]
async fn a_single_file_is_watched_too() {
    let folder = Folder::new();
    folder.write("m", policy(60));
    let live = watched(&folder, events_alone()).await;
    folder.write("new", policy(61));
    fs::rename(folder.at("new"), folder.at("m")).unwrap();
    until(&live, |now| seconds(now) == 61).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_config_map_is_swapped_as_a_whole() {
    let folder = Folder::new();
    folder.write("m/..2026_1/policy.yaml", policy(60));
    folder.write("m/..2026_1/tenant.yaml", tenant(1));
    symlink("..2026_1", folder.at("m/..data")).unwrap();
    for file in ["policy.yaml", "tenant.yaml"] {
        symlink(format!("..data/{file}"), folder.at("m").join(file)).unwrap();
    }
    let live = watched(&folder, events_alone()).await;
    assert_eq!(live.in_force().config.tenants.len(), 1);
    let mut changes = live.subscribe();
    for round in 2..5 {
        let new = format!("..2026_{round}");
        folder.write(&format!("m/{new}/policy.yaml"), policy(60 + round));
        folder.write(&format!("m/{new}/tenant.yaml"), tenant(u32::try_from(round).unwrap()));
        symlink(&new, folder.at("m/..data_tmp")).unwrap();
        fs::rename(folder.at("m/..data_tmp"), folder.at("m/..data")).unwrap();
        fs::remove_dir_all(folder.at(&format!("m/..2026_{}", round - 1))).unwrap();
        let now = next(&mut changes).await;
        assert_eq!((seconds(&now), now.config.tenants[0].name.as_str()), (60 + round, &*format!("t{round}")));
        assert_eq!(now.problem, None);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_on_the_way_that_is_pointed_elsewhere_is_noticed() {
    let folder = Folder::new();
    folder.write("one/m/policy.yaml", policy(60));
    folder.write("two/m/policy.yaml", policy(61));
    symlink("one", folder.at("current")).unwrap();
    let live = open(Origin::Folder(folder.at("current/m")), events_alone()).await.unwrap();
    symlink("two", folder.at("next")).unwrap();
    fs::rename(folder.at("next"), folder.at("current")).unwrap();
    until(&live, |now| seconds(now) == 61).await;
    // From now on it is the other folder that is watched.
    folder.write("two/m/policy.yaml", policy(62));
    until(&live, |now| seconds(now) == 62).await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_the_system_does_not_tell_is_found_by_polling() {
    let folder = Folder::new();
    folder.write("one/policy.yaml", policy(60));
    folder.write("two/policy.yaml", policy(61));
    // The second link of a chain lies where nobody watches.
    fs::create_dir(folder.at("far")).unwrap();
    symlink(folder.at("one"), folder.at("far/away")).unwrap();
    symlink("far/away", folder.at("m")).unwrap();
    let live = watched(&folder, Timing { poll: Duration::from_millis(200), ..Timing::default() }).await;
    symlink(folder.at("two"), folder.at("far/next")).unwrap();
    fs::rename(folder.at("far/next"), folder.at("far/away")).unwrap();
    until(&live, |now| seconds(now) == 61).await;
}

#[tokio::test]
async fn a_burst_of_fifty_writes_is_one_change() {
    let folder = Folder::new();
    folder.write("m/policy.yaml", policy(60));
    let patient =
        Timing { quiet: Duration::from_secs(2), longest: Duration::from_mins(1), poll: Duration::from_hours(1) };
    let live = watched(&folder, patient).await;
    let mut changes = live.subscribe();
    let writes = tokio::spawn(async move {
        for number in 1..=50 {
            folder.write(&format!("m/{number}.yaml"), tenant(number));
            // Pauses in which somebody hasty would read.
            let pause = if number % 10 == 0 { 500 } else { 5 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        folder
    });
    let mut seen = Vec::new();
    while seen.last() != Some(&50) {
        seen.push(next(&mut changes).await.config.tenants.len());
    }
    assert_eq!(seen, [50]);
    drop(writes.await.unwrap());
}

#[tokio::test]
async fn what_does_not_validate_keeps_the_last_good_configuration_until_it_is_fixed() {
    let folder = Folder::new();
    folder.write("m/policy.yaml", policy(60));
    let live = watched(&folder, events_alone()).await;
    let before = live.in_force();
    folder.write("m/wrong.yaml", "apiVersion: bmsync/v1\nkind: Tennant\n");
    let wrong = until(&live, |now| now.problem.is_some()).await;
    assert!(Arc::ptr_eq(&wrong.config, &before.config) && wrong.loaded_at == before.loaded_at);
    let problem = wrong.problem.clone().unwrap();
    assert_eq!(problem.file(), Some(&*folder.at("m/wrong.yaml").display().to_string()));
    assert!(problem.message().contains("wrong.yaml:2:7: ") && problem.since >= before.loaded_at, "{problem:?}");
    assert!(matches!(problem.cause, Cause::Invalid { diagnostics, commit: None } if diagnostics.len() == 1));

    // A second mistake is as old as the first.
    folder.write("m/another.yaml", "nonsense: [");
    let worse = until(&live, |now| file_of(now).is_some_and(|file| file.ends_with("another.yaml"))).await;
    assert_eq!(worse.problem.as_ref().map(|problem| problem.since), Some(problem.since));

    fs::remove_file(folder.at("m/wrong.yaml")).unwrap();
    fs::remove_file(folder.at("m/another.yaml")).unwrap();
    let fixed = until(&live, |now| now.problem.is_none()).await;
    assert!(Arc::ptr_eq(&fixed.config, &before.config));
}

#[tokio::test]
async fn a_folder_that_vanishes_and_comes_back_is_a_problem_and_none() {
    let folder = Folder::new();
    folder.write("m/policy.yaml", policy(60));
    let live = watched(&folder, events_alone()).await;
    fs::rename(folder.at("m"), folder.at("gone")).unwrap();
    let gone = until(&live, |now| now.problem.is_some()).await;
    assert_eq!(seconds(&gone), 60);
    folder.write("m/policy.yaml", policy(61));
    until(&live, |now| seconds(now) == 61 && now.problem.is_none()).await;
}

#[tokio::test]
async fn another_layout_of_the_same_meaning_is_no_change() {
    let folder = Folder::new();
    folder.write("m/policy.yaml", policy(60));
    folder.write("m/wrong.yaml", "# nothing\n");
    let live = watched(&folder, events_alone()).await;
    let before = live.in_force();
    fs::rename(folder.at("m/policy.yaml"), folder.at("m/renamed.yaml")).unwrap();
    folder.write("m/renamed.yaml", format!("# a comment\n{}", policy(60)));
    // That they were read shows in the mistake.
    folder.write("m/wrong.yaml", "nonsense: [");
    until(&live, |now| now.problem.is_some()).await;
    fs::remove_file(folder.at("m/wrong.yaml")).unwrap();
    let after = until(&live, |now| now.problem.is_none()).await;
    assert!(Arc::ptr_eq(&after.config, &before.config) && after.loaded_at == before.loaded_at);
}

#[tokio::test]
async fn there_is_no_start_without_valid_manifests() {
    let folder = Folder::new();
    let opened = open(Origin::Folder(folder.at("m")), events_alone()).await;
    assert_eq!(codes(opened), [Code::FolderNotFound]);
    folder.write("m/a.yaml", policy(60).replace("60s", "soon"));
    assert_eq!(codes(open(Origin::Folder(folder.at("m")), events_alone()).await), [Code::InvalidValue]);
}

#[tokio::test]
async fn nobody_watches_after_it_is_dropped() {
    let folder = Folder::new();
    folder.write("m/policy.yaml", policy(60));
    let live = watched(&folder, events_alone()).await;
    let mut changes = live.subscribe();
    drop(live);
    let ended = tokio::time::timeout(super::PATIENCE, changes.changed()).await.unwrap();
    assert!(ended.is_err());
}

fn file_of(in_force: &InForce) -> Option<String> {
    in_force.problem.as_ref()?.file().map(str::to_owned)
}
