-- Every request asks for another service and has another query string, so that no answer is there yet.
-- Arguments: path of the services up to their four-digit number, the query string, how many there are.
local folder = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(folder .. "report.lua")

local count = 0

init = function(arguments)
  path, query, services = arguments[1], arguments[2], tonumber(arguments[3])
end

request = function()
  count = count + 1
  return string.format("GET %s%04d?%s&n=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    path, count % services, query, count)
end
