-- SPDX-License-Identifier: MIT
-- wrk.lua - POST a file, and print what came of it as one line of JSON
--
--     wrk ... -s wrk.lua URL -- BODY-FILE [close]
--
-- close: a new connection for each message. wrk counts answers of 400 and
-- above as errors; that the others are 200 is looked at beforehand.

function init(args)
    local file = assert(io.open(args[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    wrk.headers["Content-Type"] = "application/json"
    if args[2] == "close" then
        wrk.headers["Connection"] = "close"
    end
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format('{"messages": %d, "seconds": %.6f, "p50": %d, ' ..
        '"p99": %d, "slowest": %d, "errors": {"connect": %d, "read": %d, ' ..
        '"write": %d, "status": %d, "timeout": %d}}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50),
        latency:percentile(99), latency.max, e.connect, e.read, e.write,
        e.status, e.timeout))
end
