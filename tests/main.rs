//! The promises of reveille, one file each.
//!
//! Each test runs a fixed set of seeds. `REVEILLE_SEED=7 cargo test NAME` runs one, `REVEILLE_SEEDS=0..5000 cargo test
//! NAME` runs more; a test that fails prints the line that repeats it.

mod common;

mod a_crash_splits_work_only_between_turns;
mod a_history_may_tell_less;
mod a_long_run_is_no_livelock;
mod a_zombie_has_no_effect;
mod alarms_are_on_time;
mod alarms_fire;
mod any_one_may_go;
mod batcher_docs_is_caught;
mod batcher_keeps_every_item;
mod commits_need_not_be_told;
mod disks_are_lost;
mod documents_name_what_is_there;
mod equal_plans_give_equal_runs;
mod every_kind_of_fault;
mod every_plan_is_survived;
mod golden_timelines;
mod no_trouble_excuses_standing_still;
mod objects_go_on;
mod objects_keep_their_gates;
mod regressions_stay_mended;
mod retries_follow_the_contract;
mod scripted_objects_follow_the_model;
mod the_alarm_slot_is_kept;
mod the_contract_has_a_table;
mod the_guide_is_true;
mod the_judge_trusts_nobody;
