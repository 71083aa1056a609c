# The carrier goes: FAULT, and the other takes over; it comes back: BACKUP first, then the better one is master again.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
unplug a
run 5s
----
  5000 ms  a FAULT
  7828 ms  b announces 192.168.200.16 x5
  7828 ms  b MASTER
plug a
run 5s
----
 10000 ms  a BACKUP
 13218 ms  a announces 192.168.200.16 x5
 13218 ms  a MASTER
 13218 ms  b BACKUP
 13218 ms  a announces 192.168.200.16 x1
