"""How JupyterLab starts from `.venv`: environment.py copies this file there, into etc/jupyter."""

import platform
import sys
from pathlib import Path
from urllib.parse import quote

c = get_config()  # noqa: F821

# a picture from a phone, uploaded by a widget, is one message; tornado's own limit is 10 MB
c.ServerApp.tornado_settings = {"websocket_max_message_size": 100 * 2**20}

# JupyterLab hands the browser a file in a hidden folder, which leads on to its address and keeps
# its token from the list of processes. Where the browser cannot read it, it is handed the address.
on_wsl = "microsoft" in platform.release().lower()
may_have_snap = Path("/snap/bin").exists()
from_windows_store = "WindowsApps" in sys.base_prefix
if on_wsl or may_have_snap or from_windows_store:
    c.ServerApp.use_redirect_file = False
    for notebook in (word for word in sys.argv[1:] if word.endswith(".ipynb")):
        c.LabApp.default_url = f"/lab/tree/{quote(Path(notebook).name)}"  # or it is forgotten
