-- This asks a gatekeeper whether a request may pass (in haproxy.cfg: `http-request lua.keyfold ADDRESS`), and breaks
-- off requests with trailers (in haproxy.cfg: `filter lua.keyfold_trailers`).
--
-- Only a 200 with every identity header sets txn.keyfold to "allow". haproxy.cfg denies everything else, so an error in
-- this file denies.

-- Longer than haproxy.cfg gives its three tries together, so that its 504 comes first: HAProxy's client would try
-- again.
local ANSWER_WITHIN_MS = 3500
-- Who asks and for what: on a public route all of these are there and empty, else none is empty.
local SUBJECT = {
    "x-keyfold-account", "x-keyfold-key", "x-keyfold-vendor", "x-keyfold-category", "x-keyfold-access",
}
local RECORD = { "x-keyfold-decision", "x-keyfold-position" }
-- Headers about this one connection, or about the body, which is not sent to the gatekeeper.
local OWN = {
    ["host"] = true, ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["te"] = true,
    ["trailer"] = true, ["expect"] = true, ["keep-alive"] = true, ["proxy-connection"] = true,
}

-- HAProxy counts copies of a header from 0, tables that go back to it from 1.
local function counted_from_one(headers)
    local lists = {}
    for name, copies in pairs(headers) do
        if not OWN[name] then
            lists[name] = {}
            for place = 0, #copies do
                table.insert(lists[name], copies[place])
            end
        end
    end
    return lists
end

-- Adds the headers of these names to the identity and returns how many of them are empty, or nil if one of them is not
-- there exactly once.
local function take(names, headers, identity)
    local empty = 0
    for _, name in ipairs(names) do
        local copies = headers[name]
        if copies == nil or #copies ~= 1 then
            return nil
        end
        identity[name] = copies[1]
        empty = empty + (copies[1] == "" and 1 or 0)
    end
    return empty
end

local function identity_of(headers)
    local identity = {}
    local nobody = take(SUBJECT, headers, identity)
    if take(RECORD, headers, identity) == 0 and (nobody == 0 or nobody == #SUBJECT) then
        return identity
    end
    return nil
end

local function keyfold(txn, address)
    local headers = counted_from_one(txn.http:req_get_headers())
    local answer = core.httpclient():get{
        url = "http://gatekeeper/authz", dst = address, headers = headers, timeout = ANSWER_WITHIN_MS,
    }
    local answered = counted_from_one(answer.headers or {})
    if answer.status == 200 then
        local identity = identity_of(answered)
        if identity == nil then
            return
        end
        for name, value in pairs(identity) do
            txn.http:req_set_header(name, value)
        end
        txn:set_var("txn.keyfold", "allow")
    elseif answered["x-keyfold-reason"] or (answer.status >= 400 and answer.status < 500) then
        txn:done(txn:reply{ status = answer.status, headers = answered, body = answer.body })
    end
end

core.register_action("keyfold", { "http-req" }, keyfold, 1)

-- HAProxy passes on what follows the last chunk of a body, and an API may take that for headers. Such a message ends
-- with its trailers and a byte that ends them; if there are none, that byte is the only one that is not body.
local Trailers = { id = "keyfold_trailers", flags = filter.FLT_CFG_FL_HTX }
Trailers.__index = Trailers

function Trailers:new()
    return setmetatable({}, Trailers)
end

function Trailers:start_analyze(_, channel)
    if not channel:is_resp() then
        filter.register_data_filter(self, channel)
    end
end

function Trailers:http_payload(_, message)
    if message:eom() and message:input() - #(message:body() or "") > 1 then
        error("a request with trailers is broken off") -- HAProxy takes no other word for it, and logs this one
    end
end

core.register_filter("keyfold_trailers", Trailers, function(trailers)
    return trailers
end)
