# state MASTER waits for one interval only; an owner does not wait at all.
node a state=master priority=200 garp_master_delay=0s
run 3s
----
     0 ms  a BACKUP
  1003 ms  a announces 192.168.200.16 x5
  1003 ms  a MASTER
node b priority=255 garp_master_delay=0s
run 3s
----
  3000 ms  b announces 192.168.200.16 x5
  3000 ms  b MASTER
  3000 ms  a BACKUP
  3000 ms  b announces 192.168.200.16 x1
