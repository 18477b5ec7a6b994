"""CloudStack's API as far as its lists go, with a check of signatures of its own.

Usage: cloudstack.py API_KEY SECRET_KEY LOG [CERTIFICATE KEY]. Prints its port, then writes a JSON line a request
to LOG. The first part of the path says what goes wrong: /fine, /page-2-fails, /flat-error, /no-hosts,
/internal, /html, /moved, /cut, /silent, /drips, /huge, /swollen, /holes, /ends-early, /odd,
/one-went and /one-came (both once), /never-settles.
"""

import http.server
import json
import pathlib
import ssl
import sys
import threading
import urllib.parse

sys.path.append(str(pathlib.Path(__file__).parents[4] / "sinks/tests/http/peers"))
import cloudstack_signature

api_key, secret_key, log = sys.argv[1:4]
LARGEST_PAGE = 500
unsettled = set()
VR, VPC_VR = "VirtualRouter", "VpcVirtualRouter"


def service(name, provider, **capabilities):
    said = [{"name": key, "value": value, "canchooseservicecapability": False} for key, value in capabilities.items()]
    return {"name": name, "provider": [{"name": provider}], "capability": said}


def offering(name, provider, services, redundant="false"):
    listed = [service(each, provider) for each in services]
    listed.append(service("SourceNat", provider, SupportedSourceNatTypes="peraccount", RedundantRouter=redundant))
    return {"id": f"o-{name}", "name": name, "state": "Enabled", "traffictype": "Guest", "service": listed}


def network(name, zone, of, kind, **more):
    return {
        "id": f"n-{name}",
        "name": name,
        "displaytext": "ü \"quoted\" <b>",
        "zoneid": zone,
        "networkofferingid": f"o-{of}",
        "type": kind,
        "traffictype": "Guest",
        "state": "Implemented",
        "service": [{"name": "Dhcp", "capability": []}],
        "tags": [],
        **more,
    }


def nic(kind, name, address):
    return {
        "id": f"nic-{address}",
        "networkid": f"n-{name}",
        "netmask": "255.255.255.0",
        "traffictype": kind,
        "isdefault": kind == "Public",
        "ipaddress": address,
    }


def router(number, zone, networks, hypervisor="KVM", **more):
    control = f"169.254.{number // 250}.{number % 250 + 1}"
    guests = [nic("Guest", name, f"10.{number // 250}.{number % 250}.{place + 1}") for place, name in enumerate(networks)]
    return {
        "id": f"uuid-{number}",
        "name": f"r-{number}-VM",
        "zoneid": zone,
        "podid": "pod-1",
        "hostid": f"host-{number % 3}",
        "hypervisor": hypervisor,
        "linklocalip": control,
        "state": "Running",
        "isredundantrouter": False,
        "redundantstate": "UNKNOWN",
        "role": "VIRTUAL_ROUTER",
        "created": "2026-01-01T10:00:00+0000",
        "nic": guests + [nic("Public", "public", f"198.51.100.{number % 250}"), nic("Control", "control", control)],
        **more,
    }


BULK = 1100
OFFERINGS = [
    offering("isolated", VR, ["Dhcp", "Dns", "Lb", "Firewall"]),
    offering("pair", VR, ["Dhcp", "Dns"], redundant="true"),
    offering("shared", VR, ["Dhcp", "Dns", "UserData"]),
    offering("tier", VPC_VR, ["Dhcp", "Dns"]),
    offering("tier-lb", VPC_VR, ["Dhcp", "Lb"]),
    {"id": "o-bare"},
]
NETWORKS = [network(f"bulk-{number}", "zone-1", "isolated", "Isolated") for number in range(BULK)] + [
    network("pair", "zone-1", "pair", "Isolated", redundantrouter=True),
    network("shared", "zone-1", "shared", "Shared"),
    network("basic", "zone-2", "shared", "Shared"),
    network("web", "zone-1", "tier-lb", "Isolated", vpcid="vpc-1"),
    network("db", "zone-1", "tier", "Isolated", vpcid="vpc-1"),
    network("l2", "zone-1", "bare", "L2"),
]
SYSTEM = [network("public", "zone-1", "public", None), network("gateway", "zone-1", "gateway", "Isolated")]
PROJECT_NETWORKS = [network("project", "zone-1", "isolated", "Isolated", projectid="p")]
ROUTERS = [router(number, "zone-1", [f"bulk-{number}"]) for number in range(BULK)] + [
    router(2001, "zone-1", ["pair"], isredundantrouter=True, redundantstate="BACKUP"),
    router(2002, "zone-1", ["shared"], "VMware", state="Stopped", hostid=None),
    router(2003, "zone-2", ["basic"], "XenServer"),
    router(2004, "zone-1", ["web", "gateway", "db"], vpcid="vpc-1"),
    {"id": "uuid-2005", "name": "r-2005-VM", "zoneid": "zone-1"},
    router(2006, "zone-1", ["lost"]),
]
PROJECT_ROUTERS = [router(2007, "zone-1", ["project"], projectid="p")]
LISTS = {
    "listZones": ("zone", [{"id": "zone-1", "name": "Frankfurt", "networktype": "Advanced", "allocationstate": "Enabled"},
                           {"id": "zone-2", "name": "Lab", "networktype": "Basic"}]),
    "listNetworkOfferings": ("networkoffering", OFFERINGS),
    "listHosts": ("host", [{"id": f"host-{number}", "ipaddress": f"192.0.2.{number}", "type": "Routing"} for number in range(3)]),
}

ODD = {
    "listNetworks": [{"id": "net-odd", "name": "odd", "networkofferingid": "isolated"}],
    "listRouters": [{"id": "uuid-odd", "name": "-oProxyCommand=touch /tmp/x", "zoneid": "zone-1"}],
    "listNetworkOfferings": [{"id": "long", "name": "x" * 400}],
}


def listed(command, parameters):
    everywhere = parameters.get("projectid") == "-1"
    if command == "listNetworks" and parameters.get("issystem") == "true":
        return "network", SYSTEM
    if command == "listNetworks":
        return "network", NETWORKS + (PROJECT_NETWORKS if everywhere else [])
    if command == "listRouters":
        return "router", ROUTERS + (PROJECT_ROUTERS if everywhere else [])
    return LISTS[command]


def refuse(name, code, text):
    return code, {name: {"uuidList": [], "errorcode": code, "cserrorcode": 9999, "errortext": text}}


class Api(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        parameters = dict(urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True))
        with open(log, "a") as lines:
            lines.write(json.dumps({"command": parameters["command"], "page": parameters["page"]}) + "\n")
        trouble, _, path = self.path[1:].partition("/")
        status, answer = self.judge(trouble, path, parameters)
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("content-type", "text/html" if isinstance(answer, bytes) else "application/json")
        if trouble == "moved":
            self.send_header("location", "https://elsewhere.example/client/api?token=hunter2")
        if trouble == "huge":
            self.end_headers()
            while True:
                self.wfile.write(b'{"listroutersresponse":' + b" " * 65536)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if trouble == "drips":
            self.wfile.write(text[:10])
            self.wfile.flush()
            threading.Event().wait()
        self.wfile.write(text[:-20] if trouble == "cut" else text)

    def judge(self, trouble, path, parameters):
        command = parameters["command"]
        name = command.lower() + "response"
        page, size = int(parameters["page"]), int(parameters["pagesize"])
        if path != "client/api" or not cloudstack_signature.genuine(parameters, api_key, secret_key):
            return refuse(name, 401, "unable to verify user credentials and/or request signature")
        if trouble == "silent":
            threading.Event().wait()
        if trouble == "flat-error":
            return 503, {"errorcode": 530, "errortext": "the database is away\n\x1b[31m"}
        if trouble == "internal":
            return refuse("errorresponse", 530, "Internal error executing command, please contact your system administrator")
        if trouble == "html":
            return 200, b"<html><body>Please log in</body></html>"
        if trouble == "moved":
            return 302, b""
        if trouble == "swollen":
            return 200, b'{"listroutersresponse":{"router":[' + b"0," * 1500000 + b"0]}}"
        if trouble == "page-2-fails" and page == 2:
            return refuse(name, 431, "Unable to execute API command listrouters")
        if trouble == "no-hosts" and command == "listHosts":
            return refuse(name, 432, "The given command:listHosts does not exist or it is not available for user with id:3")
        if trouble == "odd":
            return 200, {name: {"count": 1, "router": [{"id": {"deep": []}}]}}
        if size > LARGEST_PAGE or size < 1 or page < 1:
            return refuse(name, 431, "Page size can not exceed max allowed page size value: 500")
        kind, items = listed(command, parameters)
        if trouble == "holes":
            items = items + ODD.get(command, [])
        part = items[(page - 1) * size : page * size]
        if trouble == "ends-early" and page == 2:
            part = []
        if command == "listRouters" and page == 2 and (trouble == "never-settles" or trouble not in unsettled):
            unsettled.add(trouble)
            if trouble == "one-came":
                # What was last on page 1 is first on page 2 now.
                part = items[size - 1 : 2 * size - 1]
            if trouble in ("one-went", "never-settles"):
                # What was first on page 2 is last on page 1 now.
                items = items[1:]
                part = items[size : 2 * size]
        if not items:
            return 200, {name: {}}
        return 200, {name: {"count": len(items), kind: part} if part else {"count": len(items)}}

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that leaves is no news."""


server = Server(("127.0.0.1", 0), Api)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
