-- One turn of load for wrk: sends the requests of a file in their order, each once, or again from the beginning.
-- Arguments: the file, seconds to send, "once" or "again". A request in the file is its length in 8 digits, then its bytes.
local ffi = require('ffi')
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } moment;
  int clock_gettime(int clock, moment *now);
  int getpid(void);
  int kill(int process, int signal);
]]

local monotonic, interrupt = 1, 2
local moment = ffi.new('moment')
local function now()
  ffi.C.clock_gettime(monotonic, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

-- wrk takes the first one apart before it starts, to count what it holds.
local probe = 'GET / HTTP/1.1\r\n\r\n'
-- Whoever is given this has nothing to answer: the connection rests, and what is under way comes to its end.
local silence = 'POST /control HTTP/1.1\r\n'

local file, seconds, again
local probed = false
local started, deadline

-- Globals, so that done() may read them.
sent, done_in_time, succeeded, failed, first_failure, ran_out, measured = 0, 0, 0, 0, '', false, 0

function init(args)
  file = assert(io.open(args[1], 'rb'))
  seconds = tonumber(args[2])
  again = args[3] == 'again'
end

local function next_request()
  local length = file:read(8)
  if not length and again then
    file:seek('set')
    length = file:read(8)
  end
  return length and file:read(tonumber(length))
end

-- Ends the turn once its time is over and everything that was sent is answered.
local function end_when_answered(at)
  if succeeded + failed < sent or at < deadline then return end
  wrk.thread:stop()
  -- The main thread sleeps for the whole of -d otherwise.
  ffi.C.kill(ffi.C.getpid(), interrupt)
end

function request()
  if not probed then
    probed = true
    return probe
  end
  local at = now()
  if not started then
    started = at
    deadline = at + seconds
    measured = seconds
  end
  if at >= deadline then
    end_when_answered(at)
    return silence
  end
  local text = next_request()
  if not text then
    ran_out = true
    deadline = at
    measured = at - started
    end_when_answered(at)
    return silence
  end
  sent = sent + 1
  return text
end

function response(status, _, body)
  local at = now()
  if status == 200 and body:find('"status":"success"', 1, true) then
    succeeded = succeeded + 1
    if at <= deadline then done_in_time = done_in_time + 1 end
  else
    failed = failed + 1
    if first_failure == '' then first_failure = status .. ' ' .. body:sub(1, 500) end
  end
  end_when_answered(at)
end

local thread, busy_before, ready
function setup(one)
  thread = one
  busy_before = os.clock()
  ready = now()
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\\128-\255]', function(byte) return ('\\u%04x'):format(byte:byte()) end) .. '"'
end

function done(summary, latency)
  local errors = summary.errors
  local get = function(name) return thread:get(name) end
  local template = '\nREPORT {"done":%d,"succeeded":%d,"failed":%d,"sent":%d,"ranOut":%s,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"busy":%.3f,'
    .. '"broken":%d,"firstFailure":%s}\n'
  io.write(template:format(get('done_in_time'), get('succeeded'), get('failed'), get('sent'), tostring(get('ran_out')), get('measured'),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, (os.clock() - busy_before) / (now() - ready),
    errors.connect + errors.read + errors.write + errors.timeout, quoted(get('first_failure'))))
end
