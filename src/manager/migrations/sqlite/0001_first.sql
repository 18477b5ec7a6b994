-- Times are milliseconds since 1970 in UTC. Lists of names are JSON arrays.

-- CloudStack's own table: the columns and default rows are its.
CREATE TABLE monitoring_services (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    service TEXT NOT NULL UNIQUE,
    process_name TEXT NOT NULL,
    service_name TEXT NOT NULL,
    service_path TEXT NOT NULL,
    pidfile TEXT NOT NULL,
    isDefault INTEGER NOT NULL
) STRICT;

INSERT INTO monitoring_services (id, uuid, service, process_name, service_name, service_path, pidfile, isDefault) VALUES
    (1, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a01', 'ssh', 'sshd', 'ssh', '/etc/init.d/ssh', '/var/run/sshd.pid', 1),
    (2, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a02', 'dhcp', 'dnsmasq', 'dnsmasq', '/etc/init.d/dnsmasq', '/var/run/dnsmasq/dnsmasq.pid', 0),
    (3, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a03', 'loadbalancing', 'haproxy', 'haproxy', '/etc/init.d/haproxy', '/var/run/haproxy.pid', 0),
    (4, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a04', 'webserver', 'apache2', 'apache2', '/etc/init.d/apache2', '/var/run/apache2/apache2.pid', 1);

CREATE TABLE zones (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    network_type TEXT NOT NULL,
    monitoring INTEGER,
    source TEXT
) STRICT;

CREATE TABLE network_offerings (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    redundant_router INTEGER NOT NULL,
    source TEXT
) STRICT;

CREATE TABLE network_offering_services (
    offering TEXT NOT NULL,
    service TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    provider TEXT,
    PRIMARY KEY (offering, service, ordinal)
) STRICT;

CREATE TABLE networks (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    offering TEXT NOT NULL,
    kind TEXT NOT NULL,
    vpc TEXT,
    monitoring INTEGER,
    excluded TEXT NOT NULL,
    source TEXT
) STRICT;
CREATE INDEX networks_by_vpc ON networks (vpc);

-- A removed router keeps its number as long as alerts refer to it.
CREATE TABLE routers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    uuid TEXT,
    zone TEXT NOT NULL,
    pod TEXT,
    hypervisor TEXT NOT NULL,
    host TEXT,
    address TEXT,
    vpc TEXT,
    redundant INTEGER NOT NULL,
    running INTEGER NOT NULL,
    excluded TEXT NOT NULL,
    source TEXT,
    removed INTEGER
) STRICT;

CREATE TABLE router_nics (
    router INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    traffic TEXT NOT NULL,
    network TEXT,
    address TEXT,
    PRIMARY KEY (router, ordinal)
) STRICT;

-- CloudStack's own table (vm_id, router_name, last_alert_timestamp), and what visits need beside
-- it. vm_id is the router's number.
CREATE TABLE op_router_monitoring_services (
    vm_id INTEGER PRIMARY KEY,
    router_name TEXT NOT NULL,
    last_alert_timestamp TEXT,
    vrwatch_cursor TEXT,
    running INTEGER NOT NULL,
    next_visit INTEGER NOT NULL DEFAULT 0,
    lease_holder TEXT,
    lease_token INTEGER NOT NULL DEFAULT 0,
    lease_ends INTEGER NOT NULL DEFAULT 0,
    misses INTEGER NOT NULL DEFAULT 0,
    last_seen INTEGER,
    last_miss TEXT,
    unreachable INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX router_visits_due ON op_router_monitoring_services (running, next_visit);

-- Sealed with the key file; see store/sealing.rs.
CREATE TABLE router_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    router INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX router_keys_by_router ON router_keys (router);

-- Few indexes: every one costs at each alert. `receipt` tells one transaction's rows apart.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    router INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    kind TEXT NOT NULL,
    service TEXT,
    outage TEXT,
    via INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    receipt INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX alerts_by_router ON alerts (router, event_id);

CREATE TABLE outages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    router INTEGER NOT NULL,
    outage TEXT NOT NULL,
    service TEXT,
    process TEXT,
    opened INTEGER NOT NULL,
    ended INTEGER,
    worst INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    alerts INTEGER NOT NULL,
    acknowledged INTEGER,
    acknowledged_by TEXT,
    last_seq INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX outages_by_router ON outages (router, outage);
CREATE INDEX outages_open ON outages (id) WHERE ended IS NULL;

-- Alerts to forward: first without, then with their place in the total order. `released` is the
-- silence that withheld one until now.
CREATE TABLE forward_waiting (
    alert INTEGER PRIMARY KEY,
    released INTEGER
) STRICT;
CREATE TABLE forward_outgoing (
    position INTEGER PRIMARY KEY,
    alert INTEGER NOT NULL,
    storm TEXT
) STRICT;
-- Alerts that a silence withholds: for the time being, or (`settled`) for good.
-- `outage` is empty where there is none.
CREATE TABLE forward_held (
    alert INTEGER PRIMARY KEY,
    silence INTEGER NOT NULL,
    router INTEGER NOT NULL,
    outage TEXT NOT NULL,
    kind TEXT NOT NULL,
    settled INTEGER NOT NULL
) STRICT;
CREATE INDEX forward_held_by_silence ON forward_held (settled, silence, alert);
CREATE INDEX forward_held_by_outage ON forward_held (router, outage);
-- Outages whose beginning was numbered and whose end was not.
CREATE TABLE forward_told (
    router INTEGER NOT NULL,
    outage TEXT NOT NULL,
    PRIMARY KEY (router, outage)
) STRICT;
-- Storms that are not over, and the alerts that began their outages. `told`: whether its beginning is.
CREATE TABLE storms (
    id TEXT NOT NULL PRIMARY KEY,
    zone TEXT NOT NULL,
    since INTEGER NOT NULL,
    noticed INTEGER NOT NULL,
    told INTEGER NOT NULL,
    last_begin INTEGER NOT NULL,
    last_end INTEGER NOT NULL,
    more INTEGER NOT NULL
) STRICT;
CREATE TABLE storm_outages (
    alert INTEGER PRIMARY KEY,
    storm TEXT NOT NULL,
    ended INTEGER NOT NULL
) STRICT;
CREATE INDEX storm_outages_by_storm ON storm_outages (storm);
CREATE TABLE forward_cursors (
    sink TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;

CREATE TABLE job_leases (
    job TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    ends INTEGER NOT NULL
) STRICT;

-- Single facts about the database: the next position, the seal that proves the key file.
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO settings (name, value) VALUES ('last_position', '0');

CREATE TABLE usage_samples (
    router INTEGER NOT NULL,
    interface TEXT NOT NULL,
    time INTEGER NOT NULL,
    bytes_received INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL,
    PRIMARY KEY (router, interface, time)
) STRICT, WITHOUT ROWID;

CREATE TABLE pushes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    router INTEGER NOT NULL,
    requested INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    state TEXT NOT NULL,
    lease_holder TEXT,
    lease_token INTEGER NOT NULL DEFAULT 0,
    lease_ends INTEGER NOT NULL DEFAULT 0,
    finished INTEGER,
    digest TEXT,
    outcome TEXT
) STRICT;
CREATE INDEX pushes_by_state ON pushes (state, id);
CREATE INDEX pushes_by_router ON pushes (router, id);

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    created INTEGER NOT NULL,
    ends INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_name);

-- How many alerts each has withheld, and how many of them were told when it was over.
CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    zone TEXT,
    router TEXT,
    service TEXT,
    starts INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX silences_by_end ON silences (ends);

CREATE TABLE audit_trail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
