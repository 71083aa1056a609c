# The engine is killed and back 100 ms later with the hand-over: still master, and the other notices nothing.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
kill a
run 100ms
start a
run 10s
----
  5100 ms  a announces 192.168.200.16 x5
