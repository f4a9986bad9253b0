<?php
// The page's route for WordPress, with WordPress's functions stood in for: hooks, a request, and HTTP by PHP's own streams.
error_reporting( E_ALL );
set_error_handler( function ( $level, $message ) { throw new ErrorException( $message ); } );
define( 'ADTUNE_URL', getenv( 'OPENAI_BASE_URL' ) );
define( 'ADTUNE_KEY', getenv( 'OPENAI_API_KEY' ) );

$hooks = array();
$routes = array();
$may = true;

class WP_Error {
	public function __construct( public string $code, public string $message, public array $data = array() ) {}
}

class WP_REST_Request implements ArrayAccess {
	public function __construct( private array $given ) {}
	public function offsetExists( mixed $name ): bool { return isset( $this->given[ $name ] ); }
	public function offsetGet( mixed $name ): mixed { return $this->given[ $name ] ?? null; }
	public function offsetSet( mixed $name, mixed $value ): void { $this->given[ $name ] = $value; }
	public function offsetUnset( mixed $name ): void { unset( $this->given[ $name ] ); }
}

function add_action( $name, $run ) { global $hooks; $hooks[ $name ][] = $run; }
function register_rest_route( $space, $path, $about ) { global $routes; $routes[ "/$space$path" ] = $about; }
function current_user_can( $what ) { global $may; return $may && 'edit_posts' === $what; }
function wp_json_encode( $value ) { return json_encode( $value ); }
function is_wp_error( $value ) { return $value instanceof WP_Error; }
function wp_remote_retrieve_body( $answer ) { return $answer['body']; }
function wp_remote_retrieve_response_code( $answer ) { return $answer['code']; }
function wp_remote_post( $url, $said ) {
	$lines = '';
	foreach ( $said['headers'] as $name => $value ) {
		$lines .= "$name: $value\r\n";
	}
	$way = stream_context_create( array( 'http' => array( 'method' => 'POST', 'header' => $lines, 'content' => $said['body'],
		'timeout' => $said['timeout'], 'ignore_errors' => true ) ) );
	$body = @file_get_contents( $url, false, $way );
	if ( false === $body ) {
		return new WP_Error( 'http_request_failed', 'no answer' );
	}
	preg_match( '/ (\d{3})/', $http_response_header[0], $found );
	return array( 'body' => $body, 'code' => (int) $found[1] );
}

// THE PAGE'S CODE

foreach ( $hooks['rest_api_init'] as $run ) {
	$run();
}
$route = $routes['/adtune/v1/draft'];
$said = $route['callback']( new WP_REST_Request( array( 'brief' => 'Spring in the valley' ) ) );
$draft = is_array( $said ) ? $said['draft'] : '';
$checks = array(
	'draft'            => '' !== trim( $draft ) && '' === trim( str_replace( getenv( 'WORD' ), '', $draft ) ),
	'editors alone'    => true === $route['permission_callback'](),
	'the brief is asked for' => true === $route['args']['brief']['required'],
);
$may = false;
$checks['editors alone'] = $checks['editors alone'] && false === $route['permission_callback']();
$wrong = $route['callback']( new WP_REST_Request( array( 'brief' => str_repeat( 'too long ', 30000 ) ) ) );
$checks['an error is shown'] = is_wp_error( $wrong ) && 502 === $wrong->data['status'] && str_contains( $wrong->message, 'context' );
echo json_encode( array( 'version' => PHP_VERSION, 'checks' => $checks ) ), "\n";
