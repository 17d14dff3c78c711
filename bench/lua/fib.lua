-- The same program as programs/fib.mp.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local function work(n) return fib(n) end

work(20)
local start = os.clock()
local result = work(32)
print("elapsed", os.clock() - start)
print("checksum", result)
