use std::path::Path;

use sinaesta_localstack::{Endpoint, Roles, StackFile};

/// What to know and try once everything runs.
pub(crate) fn up(gateway: &Endpoint, has_page: bool, tokens: &Roles, data: &Path) -> String {
    let Endpoint { url, .. } = gateway;
    let what = if has_page { "(open it in a browser; Socket.IO is there too)" } else { "(Socket.IO)" };
    let Roles { student, mentor, admin } = tokens;
    format!(
        "\nSinaesta Realtime is ready: {url} {what}\n\n\
         Demo tokens:\n  student  {student}\n  mentor   {mentor}\n  admin    {admin}\n\n\
         Try it with socket.io-client:\n  \
           const socket = io(\"{url}\", {{ auth: {{ token: \"<token>\" }} }})\n  \
           socket.emit(\"join-room\", {{ roomId: \"mentor:demo\" }}, console.log)\n  \
           socket.emit(\"send-message\", {{ roomId: \"mentor:demo\", message: \"Halo\" }}, console.log)\n\n\
         Addresses and tokens also stand in {}.\nCtrl-C stops everything.\n",
        data.join(StackFile::NAME).display()
    )
}

/// The same for NATS and Postgres alone.
pub(crate) fn infra(data: &Path) -> String {
    format!("\nNATS and Postgres are ready: see {}.\nCtrl-C stops them.\n", data.join(StackFile::NAME).display())
}
