//! An object that has to mail every job that it has accepted, and the tests of that promise. Put your own class in its place.

use reveille::prelude::*;

/// The service that jobs are sent to.
pub const MAIL: &str = "http://mail";

/// How long jobs are collected, in milliseconds.
const COLLECT_MS: i64 = 5_000;

/// What is to be mailed.
#[derive(Serialize, Deserialize)]
#[serde(crate = "reveille::serde")]
pub struct Job {
    number: u32,
    text: String,
}

/// Keeps each job that it is sent, and mails them all a few seconds later.
pub struct Mailer {
    ctx: Ctx,
}

impl Mailer {
    /// Sets the alarm, unless one is set.
    async fn arm(&self) -> Result<(), Thrown> {
        if self.ctx.storage().get_alarm().await.is_none() {
            self.ctx.storage().set_alarm(self.ctx.now_ms() + COLLECT_MS).await?;
        }
        Ok(())
    }

    /// Whether the mail service has taken the job.
    async fn mail(&self, job: Bytes) -> bool {
        let answer = self.ctx.fetch(MAIL, job).await;
        answer.is_ok_and(|answer| (200..300).contains(&answer.status))
    }
}

impl DurableObject for Mailer {
    const CLASS: &'static str = "Mailer";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        // A job is known by its number. What is written is durable before the answer leaves.
        let job: Job = request.json()?;
        self.ctx.storage().put_json(&job.number.to_string(), &job).await?;
        self.arm().await?;
        Ok(Response::ok("accepted"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        for (name, job) in self.ctx.storage().list(List::default()).await? {
            if self.mail(job).await {
                self.ctx.storage().delete(name).await?;
            } else {
                // A failure of the service is no failure of the handler: after six retries the alarm would be gone for good.
                self.arm().await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any job.
    fn jobs() -> impl Strategy<Value = String> {
        (any::<u32>(), "[a-z]{1,8}")
            .prop_map(|(number, text)| json!({ "number": number, "text": text }).to_string())
    }

    fn mailer() -> Scenario {
        Scenario::of::<Mailer>("mailer")
            // Up to a hundred jobs in the time in which things break.
            .requests(jobs(), 0..100)
            .promise(acknowledged().reaches(MAIL))
    }

    #[test]
    fn every_job_is_mailed_once_it_is_acknowledged() {
        mailer().check();
    }

    /// The same object with a mistake in its handler.
    struct HastyMailer(Rc<Mailer>);

    impl DurableObject for HastyMailer {
        const CLASS: &'static str = "HastyMailer";
        const DECLARES_ALARM: bool = true;

        fn new(ctx: Ctx) -> Rc<Self> {
            Rc::new(Self(Mailer::new(ctx)))
        }

        async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
            self.0.clone().fetch(request).await
        }

        async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
            for (_, job) in self.0.ctx.storage().list(List::default()).await? {
                self.0.mail(job).await;
            }
            // Jobs may have come in while the service was awaited, and some were not taken: they are gone now.
            Ok(self.0.ctx.storage().delete_all().await?)
        }
    }

    #[test]
    fn a_hasty_mailer_is_caught() {
        Scenario::of::<HastyMailer>("hasty-mailer")
            .requests(jobs(), 0..100)
            .promise(acknowledged().reaches(MAIL))
            .is_caught(&["X1(b)"], &["X1(c)", "reaches"])
            .check();
    }
}
