//! Deleting a secret that nobody uses.
use super::{Deleted, Secrets, Use, Users, agent_uses, uses};
use crate::{
    audit::Entry,
    clock::Time,
    ids::WorkspaceId,
    store::{StoreError, audit},
};

impl Secrets {
    /// Deletes a secret that no agent and no campaign uses; archived ones do not count.
    pub async fn delete(
        &self,
        workspace: WorkspaceId,
        name: &str,
        at: Time,
    ) -> Result<Deleted, StoreError> {
        self.kept().values.remove(&(workspace, name.to_owned()));
        match self.try_delete(workspace, name, at).await {
            // A campaign or an agent that names it was saved in between.
            Err(error) if error.is_dangling() => self.try_delete(workspace, name, at).await,
            done => done,
        }
    }

    async fn try_delete(
        &self,
        workspace: WorkspaceId,
        name: &str,
        at: Time,
    ) -> Result<Deleted, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut campaigns: Vec<Use> = uses(tx.ex(), workspace).await?;
        campaigns.retain(|one| one.secret_name == name && one.state != "archived");
        let mut agents = agent_uses(tx.ex(), workspace).await?;
        agents.retain(|(secret, _)| secret == name);
        if !campaigns.is_empty() || !agents.is_empty() {
            let agents = agents.into_iter().map(|(_, agent)| agent).collect();
            return Ok(Deleted::Used(Users { campaigns, agents }));
        }
        for text in [
            "DELETE FROM secret_use WHERE workspace_id = $1 AND secret_name = $2",
            "DELETE FROM secret WHERE workspace_id = $1 AND name = $2",
        ] {
            let gone = tx.ex().sql(text).bind(workspace).bind(name).run().await?;
            if gone == 0 && text.starts_with("DELETE FROM secret ") {
                return Ok(Deleted::Absent);
            }
        }
        let entry = Entry::new("secret.deleted", "secret", name);
        audit::tell(&mut tx, workspace, &[entry], at).await?;
        tx.commit().await?;
        Ok(Deleted::Gone)
    }
}
