-- Times are milliseconds since 1970 in UTC. Lists of names are JSON arrays. Names are compared as they
-- are written: for `utf8mb4_bin`, which passes over trailing spaces, `admin ` would be `admin`. The
-- collation that does not is called by another name in each: MariaDB reads what stands in the first
-- kind of comment, MySQL in the second.

-- CloudStack's own table: the columns and default rows are its.
CREATE TABLE monitoring_services (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uuid VARCHAR(40) NOT NULL UNIQUE,
    service VARCHAR(255) NOT NULL UNIQUE,
    process_name VARCHAR(255) NOT NULL,
    service_name VARCHAR(255) NOT NULL,
    service_path VARCHAR(255) NOT NULL,
    pidfile VARCHAR(255) NOT NULL,
    isDefault TINYINT(1) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

INSERT INTO monitoring_services (id, uuid, service, process_name, service_name, service_path, pidfile, isDefault) VALUES
    (1, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a01', 'ssh', 'sshd', 'ssh', '/etc/init.d/ssh', '/var/run/sshd.pid', 1),
    (2, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a02', 'dhcp', 'dnsmasq', 'dnsmasq', '/etc/init.d/dnsmasq', '/var/run/dnsmasq/dnsmasq.pid', 0),
    (3, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a03', 'loadbalancing', 'haproxy', 'haproxy', '/etc/init.d/haproxy', '/var/run/haproxy.pid', 0),
    (4, '5e1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a04', 'webserver', 'apache2', 'apache2', '/etc/init.d/apache2', '/var/run/apache2/apache2.pid', 1);

CREATE TABLE zones (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    network_type VARCHAR(255) NOT NULL,
    monitoring BIGINT,
    source TEXT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE network_offerings (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    redundant_router BIGINT NOT NULL,
    source TEXT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE network_offering_services (
    offering VARCHAR(255) NOT NULL,
    service VARCHAR(255) NOT NULL,
    ordinal BIGINT NOT NULL,
    provider VARCHAR(255),
    PRIMARY KEY (offering, service, ordinal)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE networks (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    zone VARCHAR(255) NOT NULL,
    offering VARCHAR(255) NOT NULL,
    kind VARCHAR(255) NOT NULL,
    vpc VARCHAR(255),
    monitoring BIGINT,
    excluded TEXT NOT NULL,
    source TEXT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX networks_by_vpc ON networks (vpc);

-- A removed router keeps its number as long as alerts refer to it.
CREATE TABLE routers (
    number BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL UNIQUE,
    uuid VARCHAR(255),
    zone VARCHAR(255) NOT NULL,
    pod VARCHAR(255),
    hypervisor VARCHAR(255) NOT NULL,
    host VARCHAR(255),
    address VARCHAR(255),
    vpc VARCHAR(255),
    redundant BIGINT NOT NULL,
    running BIGINT NOT NULL,
    excluded TEXT NOT NULL,
    source TEXT,
    removed BIGINT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE router_nics (
    router BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    traffic VARCHAR(255) NOT NULL,
    network VARCHAR(255),
    address VARCHAR(255),
    PRIMARY KEY (router, ordinal)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- CloudStack's own table (vm_id, router_name, last_alert_timestamp), and what visits need beside
-- it. vm_id is the router's number.
CREATE TABLE op_router_monitoring_services (
    vm_id BIGINT NOT NULL PRIMARY KEY,
    router_name VARCHAR(255) NOT NULL,
    last_alert_timestamp VARCHAR(255),
    vrwatch_cursor TEXT,
    running BIGINT NOT NULL,
    next_visit BIGINT NOT NULL DEFAULT 0,
    lease_holder VARCHAR(255),
    lease_token BIGINT NOT NULL DEFAULT 0,
    lease_ends BIGINT NOT NULL DEFAULT 0,
    misses BIGINT NOT NULL DEFAULT 0,
    last_seen BIGINT,
    last_miss TEXT,
    unreachable BIGINT NOT NULL DEFAULT 0
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX router_visits_due ON op_router_monitoring_services (running, next_visit);

-- Sealed with the key file; see store/sealing.rs.
CREATE TABLE router_keys (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    router BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    created BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX router_keys_by_router ON router_keys (router);

-- Few indexes: every one costs at each alert. `receipt` tells one transaction's rows apart.
CREATE TABLE alerts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    router BIGINT NOT NULL,
    event_id VARCHAR(255) NOT NULL,
    time BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    kind VARCHAR(255) NOT NULL,
    service VARCHAR(255),
    outage VARCHAR(255),
    via BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    receipt BIGINT NOT NULL,
    event MEDIUMTEXT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE UNIQUE INDEX alerts_by_router ON alerts (router, event_id);

CREATE TABLE outages (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    router BIGINT NOT NULL,
    outage VARCHAR(255) NOT NULL,
    service VARCHAR(255),
    process VARCHAR(255),
    opened BIGINT NOT NULL,
    ended BIGINT,
    worst BIGINT NOT NULL,
    kind VARCHAR(255) NOT NULL,
    severity BIGINT NOT NULL,
    last_time BIGINT NOT NULL,
    alerts BIGINT NOT NULL,
    acknowledged BIGINT,
    acknowledged_by VARCHAR(255),
    last_seq BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE UNIQUE INDEX outages_by_router ON outages (router, outage);
CREATE INDEX outages_open ON outages (ended, id);

-- Alerts to forward: first without, then with their place in the total order. `released` is the
-- silence that withheld one until now.
CREATE TABLE forward_waiting (
    alert BIGINT NOT NULL PRIMARY KEY,
    released BIGINT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE TABLE forward_outgoing (
    position BIGINT NOT NULL PRIMARY KEY,
    alert BIGINT NOT NULL,
    storm VARCHAR(255)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
-- Alerts that a silence withholds: for the time being, or (`settled`) for good.
-- `outage` is empty where there is none.
CREATE TABLE forward_held (
    alert BIGINT NOT NULL PRIMARY KEY,
    silence BIGINT NOT NULL,
    router BIGINT NOT NULL,
    outage VARCHAR(255) NOT NULL,
    kind VARCHAR(255) NOT NULL,
    settled BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX forward_held_by_silence ON forward_held (settled, silence, alert);
CREATE INDEX forward_held_by_outage ON forward_held (router, outage);
-- Outages whose beginning was numbered and whose end was not.
CREATE TABLE forward_told (
    router BIGINT NOT NULL,
    outage VARCHAR(255) NOT NULL,
    PRIMARY KEY (router, outage)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
-- Storms that are not over, and the alerts that began their outages. `told`: whether its beginning is.
CREATE TABLE storms (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    zone VARCHAR(255) NOT NULL,
    since BIGINT NOT NULL,
    noticed BIGINT NOT NULL,
    told BIGINT NOT NULL,
    last_begin BIGINT NOT NULL,
    last_end BIGINT NOT NULL,
    more BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE TABLE storm_outages (
    alert BIGINT NOT NULL PRIMARY KEY,
    storm VARCHAR(255) NOT NULL,
    ended BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX storm_outages_by_storm ON storm_outages (storm);
CREATE TABLE forward_cursors (
    sink VARCHAR(255) NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE job_leases (
    job VARCHAR(255) NOT NULL PRIMARY KEY,
    holder VARCHAR(255) NOT NULL,
    epoch BIGINT NOT NULL,
    ends BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- Single facts about the database: the next position, the seal that proves the key file.
CREATE TABLE settings (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
INSERT INTO settings (name, value) VALUES ('last_position', '0');

CREATE TABLE usage_samples (
    router BIGINT NOT NULL,
    interface VARCHAR(255) NOT NULL,
    time BIGINT NOT NULL,
    bytes_received BIGINT NOT NULL,
    bytes_sent BIGINT NOT NULL,
    PRIMARY KEY (router, interface, time)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE pushes (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    router BIGINT NOT NULL,
    requested BIGINT NOT NULL,
    requested_by VARCHAR(255) NOT NULL,
    state VARCHAR(255) NOT NULL,
    lease_holder VARCHAR(255),
    lease_token BIGINT NOT NULL DEFAULT 0,
    lease_ends BIGINT NOT NULL DEFAULT 0,
    finished BIGINT,
    digest VARCHAR(255),
    outcome TEXT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX pushes_by_state ON pushes (state, id);
CREATE INDEX pushes_by_router ON pushes (router, id);

CREATE TABLE users (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role VARCHAR(255) NOT NULL,
    created BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

CREATE TABLE sessions (
    token_hash VARCHAR(255) NOT NULL PRIMARY KEY,
    user_name VARCHAR(255) NOT NULL,
    created BIGINT NOT NULL,
    ends BIGINT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX sessions_by_user ON sessions (user_name);

-- How many alerts each has withheld, and how many of them were told when it was over.
CREATE TABLE silences (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    zone VARCHAR(255),
    router VARCHAR(255),
    service VARCHAR(255),
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    reason TEXT NOT NULL,
    created_by VARCHAR(255) NOT NULL,
    held BIGINT NOT NULL DEFAULT 0,
    told BIGINT NOT NULL DEFAULT 0
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
CREATE INDEX silences_by_end ON silences (ends);

CREATE TABLE audit_trail (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    time BIGINT NOT NULL,
    actor VARCHAR(255) NOT NULL,
    action VARCHAR(255) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    detail TEXT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;
