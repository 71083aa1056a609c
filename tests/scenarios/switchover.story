# An offer moves mastership to the peer and leaves it there, and does nothing where there is no peer.
node a priority=150 nopreempt=yes garp_master_delay=0s
run 5s
node b priority=100 nopreempt=yes garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
  5000 ms  b BACKUP
release a VI_1
run 20s
----
 10609 ms  b announces 192.168.200.16 x5
 10609 ms  b MASTER
 10609 ms  a BACKUP
release b VI_1
run 20s
----
 30414 ms  a announces 192.168.200.16 x5
 30414 ms  a MASTER
 30414 ms  b BACKUP
stop b
run 5s
release a VI_1
run 20s
----
 50000 ms  b STOP
release b VI_1
release a VI_2
