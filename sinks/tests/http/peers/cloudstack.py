"""CloudStack's API as far as generateAlert goes, with its check of signatures written anew.

Usage: cloudstack.py API_KEY SECRET_KEY LOG. Prints its port, then writes a JSON line a request to LOG.
What becomes of an alert hangs on its zone: zone-good, zone-slow (the job never ends), zone-fails (the job
fails), zone-unknown (431), zone-cut (the answer is cut off), zone-forgets (the job is not found, once),
zone-trips (530 to the second call, once).
"""

import http.server
import json
import sys
import urllib.parse

import cloudstack_signature

api_key, secret_key, log = sys.argv[1:]
jobs = {}


def refuse(command, code, text):
    name = command.lower() + "response"
    return code, {name: {"uuidList": [], "errorcode": code, "cserrorcode": 9999, "errortext": text}}


class Api(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        pairs = urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True)
        parameters = dict(pairs)
        status, answer = self.judge(parameters, len(pairs))
        record = {"path": self.path, "parameters": parameters, "status": status}
        with open(log, "a") as lines:
            lines.write(json.dumps(record) + "\n")
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[:20] if parameters.get("zoneid") == "zone-cut" else text)
        self.close_connection = True

    def judge(self, parameters, count):
        command = parameters["command"]
        genuine = (
            self.path == "/client/api"
            and count == len(parameters)
            and cloudstack_signature.genuine(parameters, api_key, secret_key)
        )
        if not genuine:
            return refuse(command, 401, "unable to verify user credentials and/or request signature")
        if command == "generateAlert":
            return self.generate(parameters)
        if command == "queryAsyncJobResult":
            return self.result(parameters["jobid"])
        return refuse(command, 432, "The given command does not exist or it is not available for user")

    def generate(self, parameters):
        zone = parameters["zoneid"]
        if zone.startswith("zone-unknown"):
            return refuse("generateAlert", 431, f"Invalid parameter zoneid value={zone}")
        if zone == "zone-trips" and len(jobs) == 1:
            jobs["tripped"] = None
            return refuse("generateAlert", 530, "Internal error")
        if len(parameters["description"]) > 999 or parameters["type"] != "9":
            return refuse("generateAlert", 431, "Invalid parameter")
        job = f"job-{len(jobs) + 1}"
        jobs[job] = {"zone": zone, "asked": 0}
        return 200, {"generatealertresponse": {"jobid": job, "id": job}}

    def result(self, name):
        job = jobs[name]
        job["asked"] += 1
        answer = {"jobid": name, "jobstatus": 0}
        if job["zone"] == "zone-forgets" and name == "job-1":
            return refuse("queryAsyncJobResult", 431, "Unable to find job by id")
        if job["zone"] == "zone-fails":
            result = {"errorcode": 530, "errortext": "Failed to generate alert"}
            answer.update(jobstatus=2, jobresultcode=530, jobresult=result)
        elif job["zone"] != "zone-slow" and job["asked"] > 1:
            answer.update(jobstatus=1, jobresult={"success": True})
        return 200, {"queryasyncjobresultresponse": answer}

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
print(server.server_address[1], flush=True)
server.serve_forever()
