"""A Mechanical Turk of our own on loopback: the calls that we make, in Amazon's JSON protocol."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

PREFIX = "MTurkRequesterServiceV20170117."


class RequestError(Exception):
    def __init__(self, message, turk_code="AWS.MechanicalTurk.Invalid"):
        super().__init__(message)
        self.turk_code = turk_code


@dataclass
class Turk:
    """What it knows, what it was asked, and what shall go wrong next."""

    hits: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    assignments: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    faults: dict = field(default_factory=dict)  # operation → list of "throttle", "lost", …
    page: int = 100  # HITs or assignments on a page, whatever is asked
    names_hit: bool = True  # whether the refusal of a known token names the HIT
    lists_hits: bool = True  # a new HIT is not listed at once
    endpoint: str = ""

    def count(self, operation):
        return Counter(name for name, _ in self.calls)[operation]

    def submit(self, hit, assignment, worker, code):
        answer = (
            '<?xml version="1.0" encoding="UTF-8"?><QuestionFormAnswers xmlns="http://mechanicalturk'
            '.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd">'
            "<Answer><QuestionIdentifier>other</QuestionIdentifier><FreeText>x</FreeText></Answer>"
            f"<Answer><QuestionIdentifier>code</QuestionIdentifier><FreeText>{escape(code)}"
            "</FreeText></Answer></QuestionFormAnswers>"
        )
        self.assignments[assignment] = {
            "AssignmentId": assignment,
            "WorkerId": worker,
            "HITId": hit,
            "AssignmentStatus": "Submitted",
            "Answer": answer,
        }

    def do(self, operation, body):
        return getattr(self, operation)(body)

    def CreateHIT(self, body):
        token = body.get("UniqueRequestToken")
        if token in self.tokens:
            named = f" HITId: {self.tokens[token]}" if self.names_hit else ""
            raise RequestError(
                f"This HIT already exists.{named} (1700000000000 s)",
                "AWS.MechanicalTurk.HitAlreadyExists",
            )
        name = f"3{'HIT':A<25}{len(self.hits):04d}"
        asked = {key: body[key] for key in body if key != "UniqueRequestToken"}
        hit = {"HITId": name, "HITGroupId": f"3GROUP{len(self.hits)}", "HITStatus": "Assignable"}
        self.hits[name] = hit | asked
        self.tokens[token] = name
        return {"HIT": self.hits[name]}

    def GetHIT(self, body):
        if body["HITId"] not in self.hits:
            raise RequestError(f"Hit {body['HITId']} does not exist.")
        hit = self.hits[body["HITId"]]
        submitted = sum(a["HITId"] == hit["HITId"] for a in self.assignments.values())
        return {
            "HIT": hit
            | {
                "NumberOfAssignmentsPending": 1,
                "NumberOfAssignmentsAvailable": hit["MaxAssignments"] - submitted - 1,
            }
        }

    def ListHITs(self, body):
        found = list(self.hits.values()) if self.lists_hits else []
        return self._page("HITs", found, body)

    def ListAssignmentsForHIT(self, body):
        found = [
            one
            for one in self.assignments.values()
            if one["HITId"] == body["HITId"]
            and one["AssignmentStatus"] in body["AssignmentStatuses"]
        ]
        return self._page("Assignments", found, body)

    def _page(self, key, found, body):
        start = int(body.get("NextToken", "p0")[1:])
        size = min(self.page, body["MaxResults"])
        page = {key: found[start : start + size], "NumResults": len(found[start : start + size])}
        if start + size < len(found):
            page["NextToken"] = f"p{start + size}"
        return page

    def GetAssignment(self, body):
        return {"Assignment": self.assignments[body["AssignmentId"]]}

    def ApproveAssignment(self, body):
        return self._settle(body, "Approved")

    def RejectAssignment(self, body):
        assert body["RequesterFeedback"]
        return self._settle(body, "Rejected")

    def _settle(self, body, state):
        one = self.assignments[body["AssignmentId"]]
        if one["AssignmentStatus"] != "Submitted":
            raise RequestError(f"This operation needs Submitted, it is {one['AssignmentStatus']}.")
        one["AssignmentStatus"] = state
        return {}


def serve(turk):
    """Start serving `turk` on a free port of loopback; the caller shuts the server down."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            target = self.headers["X-Amz-Target"]
            assert target.startswith(PREFIX)
            assert self.headers["Content-Type"] == "application/x-amz-json-1.1"
            assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
            operation = target.removeprefix(PREFIX)
            turk.calls.append((operation, body))
            faults = turk.faults.get(operation, [])
            fault = faults.pop(0) if faults else None
            if fault == "throttle":
                return self.error(400, "ThrottlingException", {"message": "Rate exceeded"})
            if fault == "fault":
                return self.error(500, "ServiceFault", {"Message": "Internal."})
            if fault == "denied":
                said = {"message": "The security token included in the request is invalid."}
                return self.error(400, "UnrecognizedClientException", said)
            if fault == "funds":
                said = {
                    "Message": "This Requester has insufficient funds\n in their account. (17 s)",
                    "TurkErrorCode": "AWS.MechanicalTurk.InsufficientFunds",
                }
                return self.error(400, "RequestError", said)
            try:
                answer = turk.do(operation, body)
            except RequestError as error:
                said = {"Message": str(error), "TurkErrorCode": error.turk_code}
                return self.error(400, "RequestError", said)
            if fault == "lost":  # done, but nobody is told
                self.close_connection = True
                return self.connection.close()
            return self.reply(200, answer)

        def error(self, status, kind, said):
            self.reply(status, {"__type": f"com.amazonaws.mturk.requester#{kind}"} | said)

        def reply(self, status, answer):
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    turk.endpoint = f"http://127.0.0.1:{server.server_port}"
    return server, thread
