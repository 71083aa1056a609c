# Priority 0 makes the backup take over after its skew time, not after three intervals.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
stop a
run 5s
----
  5000 ms  a STOP
  5609 ms  b announces 192.168.200.16 x5
  5609 ms  b MASTER
