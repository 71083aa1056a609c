# An engine that is killed while it offers its mastership: its successor obeys the order, and nobody misses an address.
node a priority=150 garp_master_delay=0s
node b priority=100 nopreempt=yes garp_master_delay=0s
run 10s
maintain a
run 200ms
kill a
run 100ms
start a
run 20s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
 10300 ms  a announces 192.168.200.16 x5
 19609 ms  b announces 192.168.200.16 x5
 19609 ms  b MASTER
 19609 ms  a BACKUP
