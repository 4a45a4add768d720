-- SPDX-License-Identifier: MIT
-- receive.lua - push the body onto a list of Redis, and wait for its answer
--
-- Redis answers when its append-only file is flushed. Nothing is verified.

local function fail(...)
    ngx.log(ngx.ERR, ...)
    return ngx.exit(503)
end

ngx.req.read_body()
local body = ngx.req.get_body_data()
if not body then
    return fail("no body in memory")
end

local redis = ngx.socket.tcp()
redis:settimeouts(5000, 60000, 60000)
local ok, err = redis:connect(ngx.var.redis)
if not ok then
    return fail("connect: ", err)
end
ok, err = redis:send({ "*3\r\n$5\r\nLPUSH\r\n$5\r\nspool\r\n$", #body,
    "\r\n", body, "\r\n" })
if not ok then
    return fail("send: ", err)
end
local answer
answer, err = redis:receive("*l")
if not answer or answer:sub(1, 1) ~= ":" then
    return fail("answer: ", answer or err)
end
redis:setkeepalive(600000, 256)
ngx.print("ok\n")
